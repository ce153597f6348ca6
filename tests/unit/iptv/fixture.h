/* tests/unit/iptv/fixture.h - a small headend: user demo with package basic, channels one (basic) and rich
 * (gold), films open (in no package) and rare (gold). */
#pragma once

#include "iptv/settings.h"
#include "lib/store/catalogue.h"
#include "lib/store/store.h"

typedef struct {
    char *dir;
    IptvSettings *settings;
    Store *store;
    StoreCatalogue *catalogue;
} Headend;

void headend_set_up(Headend *self, gconstpointer unused);
void headend_tear_down(Headend *self, gconstpointer unused);
