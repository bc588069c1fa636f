#include "../phala/cmd_evidence.h"

int main(int argc, char **argv)
{
    return ph_cmd_evidence(argc, argv);
}
