#ifndef PH_CODEC_JSON_WHY_H
#define PH_CODEC_JSON_WHY_H

/* Where and why a document was refused: "limits.cpuMs: expected an integer from 1 to 30000".
 *
 * Layer: codec.
 */
struct ph_json_why {
    char text[256];
};

#endif
