package cli

import (
	"strings"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/flags"
	"github.com/slipwayhq/slipway/internal/cli/host"
	"github.com/slipwayhq/slipway/internal/cli/limits"
)

type flagVerb struct {
	inApp
	flags.Commands
}

type switchVerb struct {
	inApp
	flags.Switch
}

type sampleVerb struct {
	inApp
	flags.Sample
}

type limitVerb struct {
	inApp
	limits.Commands
}

// flagHost is what commands about flags run in, and those about limits.
func (v *verbs) flagHost(p *program, command string) *flags.Host {
	verb, _, _ := strings.Cut(command, " ")
	at := map[string]inApp{"switch": v.Switch.inApp, "sample": v.Sample.inApp, "limit": v.Limit.inApp}[verb]
	if verb == "flag" {
		at = v.Flag.inApp
	}
	return &flags.Host{Host: host.Host{Context: p.ctx, In: p.stdin, Out: p.stdout, Find: func() (*apiclient.Client, string, error) { return at.find(p.ctx) }}}
}
