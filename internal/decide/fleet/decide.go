package fleet

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

// lostGrace is added to wire.LostAfter: beats are written to the store in batches.
const lostGrace = flushEvery

// lost tells whether an agent counts as lost at now. The server's own start counts as a sign of life, since while it was down nobody could be heard.
func lost(seen, serverStart, now time.Time) bool {
	if seen.Before(serverStart) || fromFuture(seen, now) {
		seen = serverStart
	}
	return now.Sub(seen) > wire.LostAfter+lostGrace
}

// fromFuture tells whether a sign of life is from before the clock was set back. Clocks of several servers differ a little.
func fromFuture(seen, now time.Time) bool { return seen.After(now.Add(wire.LostAfter)) }

// checkJoin finds what is wrong with a request before its token is looked at.
func checkJoin(r wire.JoinRequest) error {
	switch {
	case r.Name == "" || len(r.Name) > 100:
		return fault.Invalid("an agent needs a name of at most 100 characters").At("name")
	case strings.ContainsFunc(r.Name, unicode.IsControl) || !utf8.ValidString(r.Name): // it is shown on terminals
		return fault.Invalid("an agent's name may hold no control characters").At("name")
	case len(r.Key) < 32:
		return fault.Invalid("an agent needs a key of at least 32 hex digits, made by itself").At("key")
	case len(r.Roles) == 0:
		return fault.Invalid("an agent needs at least one role: work, host or edge").At("roles")
	}
	for _, role := range r.Roles {
		if !slices.Contains([]string{wire.RoleWork, wire.RoleHost, wire.RoleEdge}, role) {
			return fault.Invalid("there is no role %q; use work, host or edge", role).At("roles")
		}
	}
	return nil
}

// allowed tells whether a join token lets a machine in for these roles. One that joined by it before repeats a join whose answer was lost: that takes no further use.
func allowed(t JoinToken, wanted []string, repeated bool, now time.Time) error {
	if t.Uses == 0 && !repeated {
		return fault.Unauthorized("this join token was used up; make a new one")
	}
	if !t.Expires.IsZero() && now.After(t.Expires) {
		return fault.Unauthorized("this join token expired at %s; make a new one", t.Expires.Format(time.RFC3339))
	}
	for _, r := range wanted {
		if !slices.Contains(t.Roles, r) {
			return fault.Forbidden("this join token does not allow the role %s, only %s; make another one, or join with other --roles", r, strings.Join(t.Roles, ", "))
		}
	}
	return nil
}
