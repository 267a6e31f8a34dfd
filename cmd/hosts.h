/* A member on its own host: which of the spec's members this is, its key, and its mesh. */
#pragma once

#include "base/event.h"
#include "base/identity.h"
#include "jobs/connector.h"
#include "jobs/spec/spec.h"

/* The member `name` of the spec; NULL: the one whose key file lies in `key_folder`.
 * VAIN_ERR_NOT_FOUND, or VAIN_ERR_INPUT when several are there, with what to say. */
enum vain_status vain_hosts_own(const struct vain_spec *spec, const char *name,
                                const char *key_folder, int *own) VAIN_MUST_USE;
/* Whose data are looked at where every member has its own: those of `name`, or (NULL) of the member
 * whose key is here, or of the first. Gives its name, borrowed. VAIN_ERR_NOT_FOUND: members are
 * listed, and not `name`. */
enum vain_status vain_hosts_shown(const struct vain_spec *spec, const char *name,
                                  const char **out) VAIN_MUST_USE;
/* Listens, at `listen` or, NULL, at the first of the own addresses, and begins to dial the others.
 * What it has to say goes to `events`, from the thread that uses the connector. Signer, spec and
 * events are borrowed as long as the connector lives. */
enum vain_status vain_hosts_mesh(const struct vain_spec *spec, int own, struct vain_signer *signer,
                                 const char *listen, struct vain_event_log *events,
                                 struct vain_connector **out) VAIN_MUST_USE;
