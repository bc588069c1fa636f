/* AMD's certificate extensions, each in every form that is and is not allowed. */

#include "attest/amd/snp_vek.h"
#include "base/test.h"

#define DER(text) ((struct ph_bytes){(const uint8_t *)("" text), sizeof(text) - 1})
#define ID8 "\x01\x02\x03\x04\x05\x06\x07\x08"
#define ID64 ID8 ID8 ID8 ID8 ID8 ID8 ID8 ID8

static struct ph_x509 cert;
static struct ph_snp_vek vek;

static void make(bool turin, bool is_vlek)
{
    const struct ph_bytes svn[] = {DER("\x02\x01\x01"), DER("\x02\x01\x02"),    DER("\x02\x01\x03"),
                                   DER("\x02\x01\x00"), DER("\x02\x01\x00"),    DER("\x02\x01\x00"),
                                   DER("\x02\x01\x00"), DER("\x02\x02\x00\xff")};
    memset(&cert, 0, sizeof(cert));
    for (size_t i = 0; i < PH_LEN(svn); i++)
        cert.vendor[PH_SNP_EXT_BOOTLOADER + i] = svn[i];
    cert.vendor[PH_SNP_EXT_STRUCT_VERSION] = turin ? DER("\x02\x01\x01") : DER("\x02\x01\x00");
    cert.vendor[PH_SNP_EXT_PRODUCT] = turin ? DER("\x16\x05Turin") : DER("\x16\x08Milan-B0");
    if (turin)
        cert.vendor[PH_SNP_EXT_FMC] = DER("\x02\x01\x09");
    if (is_vlek)
        cert.vendor[PH_SNP_EXT_CSP_ID] = DER("\x16\x04some");
    else
        cert.vendor[PH_SNP_EXT_HWID] = turin ? DER(ID8) : DER(ID64);
}

TEST(good_extensions_are_read)
{
    for (int i = 0; i < 4; i++) {
        const bool turin = i / 2, is_vlek = i % 2;
        make(turin, is_vlek);
        CHECK(ph_snp_vek_parse(&cert, is_vlek, &vek) == PH_OK);
        CHECK(vek.product == (turin ? PH_SNP_TURIN : PH_SNP_MILAN));
        CHECK(vek.tcb.bootloader == 1 && vek.tcb.tee == 2 && vek.tcb.snp == 3 &&
              vek.tcb.microcode == 255 && vek.tcb.fmc == (turin ? 9 : 0));
        CHECK(memcmp(vek.chip_id, is_vlek ? (uint8_t[8]){0} : (const uint8_t *)ID8, 8) == 0);
        CHECK(vek.chip_id[63] == (turin || is_vlek ? 0 : 8));
        CHECK(ph_bytes_is(vek.csp_id, is_vlek ? "some" : ""));
        CHECK(ph_snp_vek_parse(&cert, !is_vlek, &vek) == PH_ERR_MALFORMED);
    }
    make(false, false);
    cert.vendor[PH_SNP_EXT_HWID] = DER("\x04\x40" ID64);
    CHECK(ph_snp_vek_parse(&cert, false, &vek) == PH_OK && vek.chip_id[0] == 1);
    make(false, true);
    cert.vendor[PH_SNP_EXT_CSP_ID] = DER("\x16\x02 ~"); /* the first and the last character */
    CHECK(ph_snp_vek_parse(&cert, true, &vek) == PH_OK && ph_bytes_is(vek.csp_id, " ~"));
    make(true, false);
    cert.vendor[PH_SNP_EXT_HWID] = DER("\x04\x08" ID8);
    CHECK(ph_snp_vek_parse(&cert, false, &vek) == PH_OK && vek.chip_id[7] == 8);
    for (enum ph_snp_ext ext = PH_SNP_EXT_SPL4; ext <= PH_SNP_EXT_SPL7; ext++) {
        make(true, false); /* what is reserved may be left out */
        cert.vendor[ext] = (struct ph_bytes){0};
        CHECK(ph_snp_vek_parse(&cert, false, &vek) == PH_OK);
    }
}

TEST(each_extension_is_held_to_its_form)
{
    const struct {
        enum ph_snp_ext ext;
        bool turin, is_vlek;
        struct ph_bytes value;
    } cases[] = {
        {PH_SNP_EXT_STRUCT_VERSION, false, false, DER("")},
        {PH_SNP_EXT_STRUCT_VERSION, false, false, DER("\x02\x01\x01")},
        {PH_SNP_EXT_STRUCT_VERSION, true, false, DER("\x02\x01\x00")},
        {PH_SNP_EXT_STRUCT_VERSION, true, false, DER("\x02\x01\x02")},
        {PH_SNP_EXT_PRODUCT, false, false, DER("")},
        {PH_SNP_EXT_PRODUCT, false, false, DER("\x0c\x05Milan")},
        {PH_SNP_EXT_PRODUCT, false, false, DER("\x16\x06Venice")},
        {PH_SNP_EXT_PRODUCT, false, false, DER("\x16\x05Milan\x00")},
        {PH_SNP_EXT_PRODUCT, false, false, DER("\x16\x05Turin")},
        {PH_SNP_EXT_BOOTLOADER, false, false, DER("")},
        {PH_SNP_EXT_TEE, false, false, DER("")},
        {PH_SNP_EXT_SNP, false, false, DER("")},
        {PH_SNP_EXT_MICROCODE, false, false, DER("")},
        {PH_SNP_EXT_MICROCODE, false, false, DER("\x02\x02\x01\x00")}, /* 256 */
        {PH_SNP_EXT_MICROCODE, false, false, DER("\x02\x01\xff")},     /* negative */
        {PH_SNP_EXT_MICROCODE, false, false, DER("\x02\x02\x00\x01")}, /* not minimal */
        {PH_SNP_EXT_MICROCODE, false, false, DER("\x02\x01\x01\x00")}, /* more behind it */
        {PH_SNP_EXT_MICROCODE, false, false, DER("\x04\x01\x01")},
        {PH_SNP_EXT_SPL4, false, false, DER("\x02\x01\x01")},
        {PH_SNP_EXT_SPL5, false, false, DER("\x02\x01\x01")},
        {PH_SNP_EXT_SPL6, false, false, DER("\x02\x01\x01")},
        {PH_SNP_EXT_SPL7, true, false, DER("\x02\x01\x01")},
        {PH_SNP_EXT_SPL4, false, false, DER("\x00")}, /* no number */
        {PH_SNP_EXT_SPL7, true, false, DER("\x04\x01\x00")},
        {PH_SNP_EXT_FMC, true, false, DER("")},
        {PH_SNP_EXT_FMC, false, false, DER("\x02\x01\x00")},
        {PH_SNP_EXT_HWID, false, false, DER("")},
        {PH_SNP_EXT_HWID, false, false, DER(ID8)},
        {PH_SNP_EXT_HWID, true, false, DER(ID64)},
        {PH_SNP_EXT_HWID, false, false, DER("\x04\x08" ID8)},
        {PH_SNP_EXT_HWID, false, false, DER("\x04\x40" ID64 "\x00")},
        {PH_SNP_EXT_HWID, false, false, DER("\x03\x40" ID64)},
        {PH_SNP_EXT_HWID, false, true, DER("\x00")}, /* a VLEK's certificate names no chip */
        {PH_SNP_EXT_CSP_ID, false, false, DER("\x16\x01x")}, /* a VCEK's no provider */
        {PH_SNP_EXT_CSP_ID, false, true, DER("")},
        {PH_SNP_EXT_CSP_ID, false, true, DER("\x16\x00")},
        {PH_SNP_EXT_CSP_ID, false, true, DER("\x0c\x04some")},
        {PH_SNP_EXT_CSP_ID, false, true, DER("\x16\x02\x1fx")},
        {PH_SNP_EXT_CSP_ID, false, true, DER("\x16\x02x\x7f")},
        {PH_SNP_EXT_CSP_ID, false, true, DER("\x16\x01x\x00")}, /* more behind it */
        {PH_SNP_EXT_CSP_ID, false, true, DER("\x16\x40" ID64)},
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        make(cases[i].turin, cases[i].is_vlek);
        cert.vendor[cases[i].ext] = cases[i].value;
        memset(&vek, 0x5c, sizeof(vek));
        const struct ph_snp_vek before = vek;
        if (ph_snp_vek_parse(&cert, cases[i].is_vlek, &vek) != PH_ERR_MALFORMED)
            fail_msg("case %zu", i);
        CHECK(memcmp(&vek.tcb, &before.tcb, sizeof(vek.tcb)) == 0); /* untouched */
    }
}

TEST(product_names_may_have_a_stepping)
{
    static const struct {
        const char *name;
        enum ph_snp_product product;
    } cases[] = {
        {"Milan", PH_SNP_MILAN},
        {"Milan-B0", PH_SNP_MILAN},
        {"Milan-A9", PH_SNP_MILAN},
        {"Milan-Z0", PH_SNP_MILAN},
        {"Genoa", PH_SNP_GENOA},
        {"Bergamo", PH_SNP_GENOA},
        {"Siena-B2", PH_SNP_GENOA},
        {"Turin-C1", PH_SNP_TURIN},
        {"", PH_SNP_UNKNOWN},
        {"-B0", PH_SNP_UNKNOWN},
        {"Milan-", PH_SNP_UNKNOWN},
        {"Milan-B", PH_SNP_UNKNOWN},
        {"Milan-b0", PH_SNP_UNKNOWN},
        {"Milan-@0", PH_SNP_UNKNOWN},
        {"Milan-[0", PH_SNP_UNKNOWN},
        {"Milan-B/", PH_SNP_UNKNOWN},
        {"Milan-B:", PH_SNP_UNKNOWN},
        {"MilanxB0", PH_SNP_UNKNOWN},
        {"milan", PH_SNP_UNKNOWN},
        {"Milan-B00", PH_SNP_UNKNOWN},
        {"Milan-B0-B0", PH_SNP_UNKNOWN},
        {"Milano", PH_SNP_UNKNOWN},
        {"Venice", PH_SNP_UNKNOWN},
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        if (ph_snp_product_of_name(ph_bytes_str(cases[i].name)) != cases[i].product)
            fail_msg("%s", cases[i].name);
    }
}

PH_TEST_MAIN(CASE(good_extensions_are_read), CASE(each_extension_is_held_to_its_form),
             CASE(product_names_may_have_a_stepping))
