#include "ipc/state_packets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_state_packet packet;
    (void)!ph_state_packet_parse((struct ph_bytes){data, len}, &packet);
    return 0;
}
