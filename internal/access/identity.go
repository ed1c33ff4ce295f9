package access

import (
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

// Role is the identity's role in an app, empty for none.
func (id Identity) Role(app string) Role {
	if id.Person.Admin {
		return Admin
	}
	var best Role
	for _, g := range id.Person.Grants {
		if g.App != app && g.App != AllApps {
			continue
		}
		if g.Role == Deployer {
			return Deployer
		}
		best = g.Role
	}
	return best
}

// Can tells whether the identity has a right in an app. The app does not matter for Create and Administer.
func (id Identity) Can(right Right, app string) bool {
	if id.Person.ID == "" {
		return false
	}
	if id.Person.Admin {
		return true
	}
	switch right {
	case View:
		return id.Role(app) != ""
	case Deploy:
		return id.Role(app) == Deployer
	case Create:
		return id.Role(AllApps) == Deployer
	default:
		return false
	}
}

// Require is nil when the identity Can. Otherwise it says what is missing, without telling of apps that the identity may not see.
func (id Identity) Require(right Right, app string) error {
	switch {
	case id.Can(right, app):
		return nil
	case id.Person.ID == "":
		return fault.Unauthorized("sign in first: send a token as \"Authorization: Bearer slt_…\"")
	case right == Administer:
		return fault.Forbidden("this takes an admin, and %s is none", id.Person.Name)
	case right == Create:
		return fault.Forbidden("%s may not create apps: that takes an admin, or a deployer of all apps (\"*\")", id.Person.Name)
	case right == Deploy && id.Can(View, app):
		return fault.Forbidden("%s may see %s but not change it: that takes the role deployer", id.Person.Name, app)
	default:
		return NoSuchApp(app)
	}
}

// NoSuchApp is the answer for an app that does not exist, or may not be seen: one must not be told from the other.
func NoSuchApp(app string) error { return fault.NotFound("there is no app named %q", app) }
