// The header from C++: an owner for evidence, and the version.
#include <phala_attest.h>

#include <cstdio>
#include <memory>

int main()
{
    phala_attest_evidence *raw = nullptr;
    phala_attest_why why = {};
    const uint8_t nothing[] = {0};
    const phala_attest_error err = phala_attest_evidence_open(nothing, sizeof(nothing), &raw, &why);
    std::unique_ptr<phala_attest_evidence, decltype(&phala_attest_evidence_free)> evidence(
        raw, phala_attest_evidence_free);
    std::printf("%s %s\n", phala_attest_version(), phala_attest_error_name(err));
    return err == PHALA_ATTEST_UNSUPPORTED && !evidence ? 0 : 1;
}
