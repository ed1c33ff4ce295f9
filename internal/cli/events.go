package cli

import (
	"strings"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/events"
	"github.com/slipwayhq/slipway/internal/cli/host"
)

type eventsVerb struct {
	inApp
	events.Commands
}

type loadVerb struct {
	inApp
	Events events.Load `cmd:"" help:"Send events at a steady rate, and look for each of them afterwards."`
}

// host is what commands about events run in. Of the two verbs the one that was given names the app.
func (v *verbs) host(p *program, command string) *events.Host {
	at := v.Events.inApp
	if strings.HasPrefix(command, "load ") {
		at = v.Load.inApp
	}
	if v.Events.Rebuild.App != "" { // it is named, as nobody should drop the store of a wrong one
		at.App = v.Events.Rebuild.App
	}
	return &events.Host{Err: p.stderr, Host: host.Host{Context: p.ctx, In: p.stdin, Out: p.stdout, Find: func() (*apiclient.Client, string, error) { return at.find(p.ctx) }}}
}
