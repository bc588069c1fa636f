#ifndef PH_ATTEST_EVENTLOG_TEST_LITE_H
#define PH_ATTEST_EVENTLOG_TEST_LITE_H

/* A dstack guest that was launched to be verified without its image: what its host says, and the
 * registers that follow, computed with Python's hashlib. Its ACPI digests are 48 bytes a0, a1, a2;
 * MRTD is 48 bytes 05. Tests only. */

#define LITE_VM_CONFIG                                                                             \
    "{\"os_image_hash\":\"32cfe9db1b315393f3ae081184d181bbe9bf0c5e60dfdf87ac274584d3a28f0d\","     \
    "\"mem"                                                                                        \
    "ory_size\":2147483648,\"tdx_attestation_variant\":\"lite\",\"tdx_measurement\":{"             \
    "\"measurement\":\""                                                                           \
    "o2d2ZXJzaW9uA2VpbWFnZaNuY21kbGluZV9zaGEzODRYMAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC"     \
    "AgICAgICAgICAgICAgICAnNrZXJuZWxfYXV0aGVudGljb2RlWDABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"     \
    "AQEBAQEBAQEBAQEBAQEBAQEBAQFtaW5pdHJkX3NoYTM4NFgwAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD"     \
    "AwMDAwMDAwMDAwMDAwMDAwMDZHRkdmajZG92bWZpcHJlMjAyNTA1ZG1ydGSia3NpbmdsZV9wYXNzWDAEBAQEBAQE"     \
    "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBARodHdvX3Bhc3NYMAUFBQUFBQUFBQUFBQUF"     \
    "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBWZ0ZF9ob2JMgBAJBAAJCQILAhAQ\",\"checksum_file"   \
    "\":\"ZWFiNWVmYWI4MTU1N2MzYjFjMTU3ZDZjNjc3YzNjMTVlMTM1ZDFmOGY4MjhmMTA0MTk3N2Q1NTI4MGI1YmNiO"   \
    "CAgbWVhc3VyZW1lbnQudGR4LmNib3IK\"}}"
#define LITE_IMAGE_HASH "32cfe9db1b315393f3ae081184d181bbe9bf0c5e60dfdf87ac274584d3a28f0d"
#define LITE_RTMR0                                                                                 \
    "dbec9390ef767ef9f7762d53876cfea534738d4fcf0ee1b57f0a76bb6f36465b33a246226898feb51340d79e"     \
    "ea89d9c1"
#define LITE_RTMR1                                                                                 \
    "400df792485acdf2ebc9ed496ea4fffadef6c49ddf625c1b7347fbe0452fa12d4634332c38df787ab802996f"     \
    "6b9b60a0"
#define LITE_RTMR2                                                                                 \
    "1f3b8d0155a691c5625263a74d761a73c8558b6c63b610ed0096acc64c2e6e82ad30485ea0efdc8ba493f427"     \
    "8fc7a0b3"

#endif
