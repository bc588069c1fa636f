#ifndef PHALA_CMD_EVIDENCE_H
#define PHALA_CMD_EVIDENCE_H

/* `phala evidence show|verify|explain|bundle`: judge attestation evidence on this machine, offline.
 *
 * argv[0] is "evidence". Returns the exit status: 0 accepted (or shown), 1 rejected, 2 malformed
 * input or usage. Format of --json: docs/attestation.md.
 */
int ph_cmd_evidence_run(int argc, char **argv);

#endif
