#ifndef PH_ATTEST_NVIDIA_XML_PRIV_H
#define PH_ATTEST_NVIDIA_XML_PRIV_H

/* Shared by xml.c and xml_c14n.c. */

#include "attest/nvidia/xml.h"

/* A character that a reference stands for. */
struct ph_xml_char {
    uint8_t utf8[4];
    size_t len;
};

/* Cut the reference that `r` begins with ('&') off. PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED (an entity
 * that is not predefined). */
PH_CHECKED enum ph_err ph_xml_read_reference(struct ph_reader *r, struct ph_xml_char *out);

#endif
