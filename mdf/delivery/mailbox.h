/* mdf/delivery/mailbox.h - commands that cross threads: posted by any, run by the one that owns it.
 * For commands and results, never for packets. */
#pragma once

#include <glib.h>

typedef struct MdfMailbox MdfMailbox;

/* @run: on the owner's thread, with the owner that mdf_mailbox_run is given; takes @data.
 * @drop: frees @data when the mailbox is freed with the message in it. */
typedef struct {
    void (*run)(void *owner, void *data);
    void (*drop)(void *data);
} MdfMailboxOps;

MdfMailbox *mdf_mailbox_new(void);
void mdf_mailbox_free(MdfMailbox *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfMailbox, mdf_mailbox_free)

/* Thread: any. @ops is static. */
void mdf_mailbox_post(MdfMailbox *self, const MdfMailboxOps *ops, void *data);
/* Readable while there is something to run. */
int mdf_mailbox_fd(const MdfMailbox *self);
/* Runs all that has come. */
void mdf_mailbox_run(MdfMailbox *self, void *owner);
