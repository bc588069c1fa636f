#ifndef PH_ATTEST_NITRO_NITRO_PRIV_H
#define PH_ATTEST_NITRO_NITRO_PRIV_H

/* Shared by the nitro*.c files. */

#include "attest/nitro/nitro.h"
#include "attest/x509.h"

extern const struct ph_x509_profile ph_x509_profile_nitro;

#endif
