/* tests/fakes/daemon-process.h - a real daemon under test: started with ports that the system chooses, ready
 * by sd_notify, ended by SIGTERM. Its standard error is the test's. */
#pragma once

#include <glib.h>

typedef struct TestDaemon TestDaemon;

/* @argv: program and arguments, NULL-ended. Returns once it is ready; fails the test after 20 s or if it
 * ends. */
TestDaemon *test_daemon_start(const char *const *argv);
/* The number behind NAME= in its ready status: test_daemon_port(d, "sip"). */
guint16 test_daemon_port(const TestDaemon *self, const char *name);
int test_daemon_pid(const TestDaemon *self);
/* SIGTERM; without waiting. */
void test_daemon_terminate(TestDaemon *self);
/* Waits for the end (main loop goes on meanwhile) and returns the exit code, -1 if a signal killed it. */
int test_daemon_wait(TestDaemon *self);
/* Terminates it if it is still there, checks that it ended in order. */
void test_daemon_free(TestDaemon *self);
