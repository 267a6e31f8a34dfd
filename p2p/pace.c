#include "p2p/pace.h"

#include <netinet/in.h>
#include <string.h>

enum { TOKEN_BITS = 30, NS_PER_SECOND = 1000000000 };
#define TOKEN (UINT64_C(1) << TOKEN_BITS)
#define FULL  (VAIN_PACE_BURST * TOKEN)

struct vain_pace_source vain_pace_source_of(const struct sockaddr_storage *name)
{
    static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct vain_pace_source source = {{0}};
    if (name->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, name, sizeof v4);
        memcpy(source.bytes, v4_mapped, sizeof v4_mapped);
        memcpy(source.bytes + sizeof v4_mapped, &v4.sin_addr, 4);
    } else if (name->ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, name, sizeof v6);
        const bool mapped = memcmp(&v6.sin6_addr, v4_mapped, sizeof v4_mapped) == 0;
        memcpy(source.bytes, &v6.sin6_addr, mapped ? 16 : 8);
    }
    return source;
}

/* What has come since the last time. */
static void fill(struct vain_pace *pace, int place, uint64_t now_ns)
{
    const uint64_t passed_ns = now_ns - pace->sources[place].counted_ns;
    const uint64_t most_ns = (uint64_t)VAIN_PACE_BURST * NS_PER_SECOND / VAIN_PACE_A_SECOND;
    uint64_t tokens = FULL;
    if (passed_ns < most_ns)
        tokens =
            pace->sources[place].tokens + passed_ns * (VAIN_PACE_A_SECOND * TOKEN / NS_PER_SECOND);
    pace->sources[place].tokens = tokens < FULL ? tokens : FULL;
    pace->sources[place].counted_ns = now_ns;
}

static int find(const struct vain_pace *pace, const struct vain_pace_source *source)
{
    for (int i = 0; i < pace->count; i++) {
        if (memcmp(&pace->sources[i].source, source, sizeof *source) == 0)
            return i;
    }
    return -1;
}

/* A place for one that is not there: a free one, or that of the fullest. */
static int place_for(struct vain_pace *pace, const struct vain_pace_source *source, uint64_t now_ns)
{
    int place = 0;
    if (pace->count < VAIN_PACE_SOURCES) {
        place = pace->count++;
    } else {
        for (int i = 0; i < pace->count; i++) {
            fill(pace, i, now_ns);
            if (pace->sources[i].tokens > pace->sources[place].tokens)
                place = i;
        }
    }
    pace->sources[place].source = *source;
    pace->sources[place].tokens = FULL;
    pace->sources[place].counted_ns = now_ns;
    return place;
}

bool vain_pace_take(struct vain_pace *pace, const struct vain_pace_source *source, uint64_t now_ns)
{
    int place = find(pace, source);
    if (place < 0)
        place = place_for(pace, source, now_ns);
    fill(pace, place, now_ns);
    if (pace->sources[place].tokens < TOKEN)
        return false;
    pace->sources[place].tokens -= TOKEN;
    return true;
}

void vain_pace_give_back(struct vain_pace *pace, const struct vain_pace_source *source)
{
    const int place = find(pace, source);
    if (place >= 0 && pace->sources[place].tokens <= FULL - TOKEN)
        pace->sources[place].tokens += TOKEN;
}
