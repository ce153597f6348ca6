/* lib/base/headend-config.h - the configuration section that all daemons share. Put BASE_HEADEND_KEYS
 * first in a daemon's key table. */
#pragma once

#include "lib/base/config.h"

#define BASE_HEADEND_KEYS                                                                                    \
    {"headend",                                                                                              \
     "state_dir",                                                                                            \
     BASE_CONFIG_STRING,                                                                                     \
     "./var",                                                                                                \
     0,                                                                                                      \
     0,                                                                                                      \
     NULL,                                                                                                   \
     "folder that holds everything that outlives a stop"},                                                   \
    {                                                                                                        \
        "headend", "home_domain", BASE_CONFIG_STRING, "imstv.test", 0, 0, NULL,                              \
            "home domain of the IMS, also the digest realm"                                                  \
    }
