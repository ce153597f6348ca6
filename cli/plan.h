/* cli/plan.h - from the operator's configuration to the effective one of a headend on one machine: chooses
 * ports, joins the daemons to each other and writes <state>/run/imstv.conf, from which all of them start. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct CliPlan CliPlan;

/* @config_path: the operator's file, or NULL. @sets: SECTION.KEY=VALUE, NULL-ended, later ones win.
 * @program_dir, @web_dir: where the daemons and the page are.
 * A port that was configured is kept; the rest are the usual ones where free, otherwise free ones.
 * Errors: INVALID_ARGUMENT for a bad file or assignment; UNAVAILABLE if a configured port, or the page's, is
 * in use. */
CliPlan *cli_plan_new(const char *config_path,
                      const char *const *sets,
                      const char *state_dir,
                      const char *program_dir,
                      const char *web_dir,
                      GError **error);
void cli_plan_free(CliPlan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CliPlan, cli_plan_free)

/* Writes the effective configuration in one step. Errors: UNAVAILABLE (full disk, no right). */
bool cli_plan_write(const CliPlan *self, const char *path, GError **error);

/* A value of the effective configuration, "" if it has none. (transfer full) */
char *cli_plan_get(const CliPlan *self, const char *section, const char *key);

/* http://127.0.0.1:8080/ (transfer full) */
char *cli_plan_page_url(const CliPlan *self);

/* A free UDP or TCP port of 127.0.0.1 below the range that the system hands out, so that nothing takes it
 * before we do; 0 if there is none. */
uint16_t cli_free_port(bool udp, bool tcp);
bool cli_port_is_free(const char *address, uint16_t port, bool udp, bool tcp);
