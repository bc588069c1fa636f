#ifndef PH_CLI_CMD_VERIFY_H
#define PH_CLI_CMD_VERIFY_H

/* `phala verify`: check a receipt and the evidence under it, offline, and explain each step.
 *
 * argv[0] is "verify". Returns the exit status: 0 every check held, 1 one did not, 2 malformed
 * input or usage. docs/receipts.md
 */
int ph_cmd_verify(int argc, char **argv);

#endif
