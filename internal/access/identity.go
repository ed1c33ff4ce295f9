package access

import (
	"slices"

	"github.com/slipwayhq/slipway/internal/fault"
)

// Identity is who asks, and with what rights. The zero Identity is nobody.
type Identity struct {
	Person Person
	// Token is the id of the token used, empty for a session that a login code opened.
	Token string
	// ByCookie is set when the browser sent the credential by itself: doors then guard against cross-site requests.
	ByCookie bool
}

// Actor names the identity in events and audit: "person:ana".
func (id Identity) Actor() string { return "person:" + id.Person.Name }

// Role is the identity's role in all environments of an app, empty for none. Who deploys to some of them is a viewer of all.
func (id Identity) Role(app string) Role { return id.RoleIn(app, AllEnvironments) }

// RoleIn is the identity's role in one environment of an app, empty for none.
func (id Identity) RoleIn(app, env string) Role {
	if id.Person.Admin {
		return Admin
	}
	var best Role
	for _, g := range id.Person.Grants {
		if g.App != app && g.App != AllApps {
			continue
		}
		if g.Role == Deployer && (g.Env == AllEnvironments || g.Env == env) {
			return Deployer
		}
		best = Viewer
	}
	return best
}

// Can tells whether the identity has a right in an app, in all its environments. The app does not matter for Create and Administer.
func (id Identity) Can(right Right, app string) bool { return id.CanIn(right, app, AllEnvironments) }

// CanIn tells whether the identity has a right in one environment of an app. The environment matters for Deploy alone: who sees an app sees all of it.
func (id Identity) CanIn(right Right, app, env string) bool {
	if id.Person.ID == "" {
		return false
	}
	if id.Person.Admin {
		return true
	}
	switch right {
	case View:
		return id.Role(app) != ""
	case Push:
		return slices.ContainsFunc(id.Person.Grants, func(g Grant) bool { return g.Role == Deployer && (g.App == app || g.App == AllApps) })
	case Deploy:
		return id.RoleIn(app, env) == Deployer
	case Create:
		return id.Role(AllApps) == Deployer
	default:
		return false
	}
}

// Require is nil when the identity Can. Otherwise it says what is missing, without telling of apps that the identity may not see.
func (id Identity) Require(right Right, app string) error {
	return id.RequireIn(right, app, AllEnvironments)
}

// RequireIn is nil when the identity CanIn, and says what is missing otherwise, as Require does.
func (id Identity) RequireIn(right Right, app, env string) error {
	name := id.Person.Name
	switch {
	case id.CanIn(right, app, env):
		return nil
	case id.Person.ID == "":
		return fault.Unauthorized("sign in first: send a token as \"Authorization: Bearer slt_…\"")
	case right == Administer:
		return fault.Forbidden("this takes an admin, and %s is none", name)
	case right == Create:
		return fault.Forbidden("%s may not create apps: that takes an admin, or a deployer of all apps (\"*\")", name)
	case !id.Can(View, app):
		return NoSuchApp(app)
	case !id.Can(Push, app):
		return fault.Forbidden("%s may see %s but not change it: that takes the role deployer", name, app)
	case env == AllEnvironments:
		return fault.Forbidden("this takes a deployer of all environments of %s, and %s is one of some", app, name)
	default:
		return fault.Forbidden("%s may not change %s of %s: that takes the role deployer there", name, env, app)
	}
}

// NoSuchApp is the answer for an app that does not exist, or may not be seen: one must not be told from the other.
func NoSuchApp(app string) error { return fault.NotFound("there is no app named %q", app) }
