#include "lib/base/progress.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { BAR_CELLS = 30 };

struct BaseProgress {
    FILE *out;
    char *label;
    bool terminal;
    bool bar_shown;    /* the cursor stands behind a bar */
    int last_permille; /* of the bar that is shown; plain: of the last line */
};

BaseProgress *
base_progress_new(FILE *out, const char *label)
{
    BaseProgress *self = g_new0(BaseProgress, 1);

    self->out = out;
    self->label = g_strdup(label);
    self->terminal = isatty(fileno(out));
    return self;
}

static void
erase_bar(BaseProgress *self)
{
    if (self->bar_shown)
        fputs("\r\033[K", self->out);
    self->bar_shown = false;
}

void
base_progress_end(BaseProgress *self)
{
    if (self->bar_shown)
        fputc('\n', self->out);
    self->bar_shown = false;
    fflush(self->out);
}

void
base_progress_free(BaseProgress *self)
{
    if (self == NULL)
        return;
    base_progress_end(self);
    g_free(self->label);
    g_free(self);
}

static void
draw_bar(BaseProgress *self, int permille, const char *detail)
{
    char bar[BAR_CELLS + 1];

    for (int i = 0; i < BAR_CELLS; i++)
        bar[i] = i * 1000 < permille * BAR_CELLS ? '#' : '-';
    bar[BAR_CELLS] = '\0';
    erase_bar(self);
    fprintf(self->out, "%s [%s] %3d %%%s%s", self->label, bar, permille / 10, detail != NULL ? "  " : "",
            detail != NULL ? detail : "");
    fflush(self->out);
    self->bar_shown = true;
}

void
base_progress_update(BaseProgress *self, double fraction, const char *detail)
{
    int permille = (int)(CLAMP(fraction, 0.0, 1.0) * 1000);

    if (self->terminal) {
        draw_bar(self, permille, detail);
    } else if (permille / 100 > self->last_permille / 100) {
        fprintf(self->out, "%s: %d %%%s%s\n", self->label, permille / 10, detail != NULL ? ", " : "",
                detail != NULL ? detail : "");
        fflush(self->out);
        self->last_permille = permille;
    }
}

void
base_progress_say(BaseProgress *self, const char *text)
{
    erase_bar(self);
    fprintf(self->out, "%s\n", text);
    fflush(self->out);
}
