/* The suites of base/, one a source file. */
#include "tests/unit/suite.h"

#include "base/status.h"

extern const struct vain_suite vain_suite_status;
extern const struct vain_suite vain_suite_memory;
extern const struct vain_suite vain_suite_pool;
extern const struct vain_suite vain_suite_host;
extern const struct vain_suite vain_suite_cursor;
extern const struct vain_suite vain_suite_philox;
extern const struct vain_suite vain_suite_rounding;
extern const struct vain_suite vain_suite_crypto;
extern const struct vain_suite vain_suite_mask_stream;
extern const struct vain_suite vain_suite_chacha;
extern const struct vain_suite vain_suite_ristretto;
extern const struct vain_suite vain_suite_box;
extern const struct vain_suite vain_suite_identity;
extern const struct vain_suite vain_suite_card;
extern const struct vain_suite vain_suite_record;
extern const struct vain_suite vain_suite_record_extension;
extern const struct vain_suite vain_suite_event;
extern const struct vain_suite vain_suite_option;
extern const struct vain_suite vain_suite_option_value;
extern const struct vain_suite vain_suite_option_hint;
extern const struct vain_suite vain_suite_text;
extern const struct vain_suite vain_suite_timestamp;

int main(void)
{
    const struct vain_suite *suites[] = {
        &vain_suite_status,      &vain_suite_memory, &vain_suite_pool,
        &vain_suite_host,        &vain_suite_cursor, &vain_suite_philox,
        &vain_suite_rounding,    &vain_suite_crypto, &vain_suite_mask_stream,
        &vain_suite_identity,    &vain_suite_card,   &vain_suite_record,
        &vain_suite_event,       &vain_suite_option, &vain_suite_option_value,
        &vain_suite_option_hint, &vain_suite_text,   &vain_suite_ristretto,
        &vain_suite_box,         &vain_suite_chacha, &vain_suite_record_extension,
        &vain_suite_timestamp,
    };
    return vain_suites_run(suites, VAIN_COUNT_OF(suites));
}
