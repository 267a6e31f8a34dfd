#include "cmd/hosts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cmd/mesh.h"
#include "cmd/verb.h"
#include "cmd/world.h"

static enum vain_status path_of_key(const struct vain_spec *spec, int member,
                                    const char *key_folder, char *out)
{
    const int length =
        snprintf(out, VAIN_PATH_BYTES, "%s/%s.key", key_folder, spec->members[member].name);
    if (length < 0 || length >= VAIN_PATH_BYTES)
        return vain_fail(VAIN_ERR_INPUT, "the key folder's path is too long: %s", key_folder);
    return VAIN_OK;
}

static enum vain_status find_by_name(const struct vain_spec *spec, const char *name, int *own)
{
    for (int i = 0; i < spec->member_count; i++) {
        if (strcmp(spec->members[i].name, name) == 0) {
            *own = i;
            return VAIN_OK;
        }
    }
    return vain_fail(VAIN_ERR_NOT_FOUND,
                     "--member %s: the spec lists no such member; the first of %d is '%s'", name,
                     spec->member_count, spec->member_count > 0 ? spec->members[0].name : "");
}

enum vain_status vain_hosts_own(const struct vain_spec *spec, const char *name,
                                const char *key_folder, int *own)
{
    char path[VAIN_PATH_BYTES];
    *own = -1;
    if (name != NULL)
        return find_by_name(spec, name, own);
    for (int i = 0; i < spec->member_count; i++) {
        VAIN_TRY(path_of_key(spec, i, key_folder, path));
        if (access(path, F_OK) != 0)
            continue;
        if (*own >= 0)
            return vain_fail(VAIN_ERR_INPUT,
                             "keys of '%s' and '%s' lie in %s: say with --member NAME who is "
                             "started here",
                             spec->members[*own].name, spec->members[i].name, key_folder);
        *own = i;
    }
    if (*own >= 0)
        return VAIN_OK;
    return vain_fail(VAIN_ERR_NOT_FOUND,
                     "%s holds the key of no member that the spec lists; make one with 'vain key "
                     "new NAME' and list it, or set VAIN_HOME to the folder with keys/NAME.key",
                     key_folder);
}

enum vain_status vain_hosts_shown(const struct vain_spec *spec, const char *name, const char **out)
{
    char folder[VAIN_PATH_BYTES];
    int own = -1;
    *out = name != NULL ? name : "member-0";
    if (spec->member_count == 0)
        return VAIN_OK;
    if (name != NULL)
        return find_by_name(spec, name, &own);
    if (vain_key_folder(folder, sizeof folder) != VAIN_OK ||
        vain_hosts_own(spec, NULL, folder, &own) != VAIN_OK) {
        vain_fail_clear(); /* none, or several */
        own = 0;
    }
    *out = spec->members[own].name;
    return VAIN_OK;
}

static void say(void *context, const char *text)
{
    vain_event_notice(context, "%s", text);
}

static enum vain_status say_how_else_to_listen(const char *name, enum vain_status status)
{
    char why[VAIN_MESSAGE_BYTES];
    snprintf(why, sizeof why, "%s", vain_fail_message());
    return vain_fail(
        status,
        "member '%s': %s; end what listens there, or say with --listen HOST:PORT where "
        "it is to listen",
        name, why);
}

enum vain_status vain_hosts_mesh(const struct vain_spec *spec, int own, struct vain_signer *signer,
                                 const char *listen, struct vain_event_log *events,
                                 struct vain_connector **out)
{
    struct hosted {
        uint8_t id[VAIN_HASH_BYTES];
        const char *addresses[VAIN_MEMBER_ADDRESSES_MAX];
    } *hosted = NULL;
    struct vain_mesh_member *members = NULL;
    enum vain_status status;
    VAIN_TRY_OUT(vain_take_array(spec->member_count, sizeof *hosted, "members", (void **)&hosted));
    VAIN_TRY_OUT(
        vain_take_array(spec->member_count, sizeof *members, "members", (void **)&members));
    for (int i = 0; i < spec->member_count; i++) {
        const struct vain_option_member *listed = &spec->members[i];
        VAIN_ASSERT(vain_from_hex(listed->key, hosted[i].id, VAIN_HASH_BYTES)); /* jobs/plan.c */
        for (int a = 0; a < listed->address_count; a++)
            hosted[i].addresses[a] = listed->addresses[a];
        members[i] = (struct vain_mesh_member){.name = listed->name,
                                               .id = hosted[i].id,
                                               .addresses = hosted[i].addresses,
                                               .address_count = listed->address_count};
    }
    const struct vain_mesh_config config = {.signer = signer,
                                            .world = vain_world_real(),
                                            .members = members,
                                            .member_count = spec->member_count,
                                            .own = own,
                                            .listen =
                                                listen != NULL ? listen : hosted[own].addresses[0],
                                            .notice = say,
                                            .notice_context = events};
    status = vain_mesh_open(&config, out);
    if (status == VAIN_ERR_UNAVAILABLE)
        status = say_how_else_to_listen(spec->members[own].name, status);
out:
    vain_release(members);
    vain_release(hosted);
    return status;
}
