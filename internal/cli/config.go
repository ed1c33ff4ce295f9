package cli

import (
	"slices"
	"strings"

	"maps"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/words"
	"github.com/slipwayhq/slipway/internal/fault"
)

type configVerb struct {
	Get   configGetCmd   `cmd:"" default:"withargs" help:"Show settings, and the names of secrets."`
	Set   configSetCmd   `cmd:"" help:"Set NAME=VALUE …; makes a release of it."`
	Unset configUnsetCmd `cmd:"" help:"Remove settings or secrets; makes a release without them."`
}

type configGetCmd struct {
	inPlace
	JSON bool   `name:"json" help:"Print the API's JSON."`
	Name string `arg:"" optional:"" help:"One setting; its value alone is printed."`
}

func (c *configGetCmd) Run(p *program) error {
	client, place, err := c.place(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	v, err := client.Config(p.ctx, place)
	switch {
	case err != nil:
		return err
	case c.Name != "":
		value, ok := v.Value.Settings[c.Name]
		if !ok {
			return fault.NotFound("%s/%s has no setting %s (secrets are not shown)", place.App, place.Env, c.Name)
		}
		p.say("%s", value)
		return nil
	case c.JSON:
		return p.printJSON(v)
	}
	p.say("# version %d of %s/%s", v.Value.Version, place.App, place.Env)
	for _, name := range slices.Sorted(maps.Keys(v.Value.Settings)) {
		p.say("%s=%s", name, v.Value.Settings[name])
	}
	for _, s := range v.Value.Secrets {
		p.say("%s (a secret, set %s)", s.Name, words.When(s.UpdatedAt))
	}
	return nil
}

type configSetCmd struct {
	inPlace
	Pairs  []string `arg:"" name:"name=value" help:"What to set. A secret is given as its NAME alone, and its value on standard input, so that no list of processes shows it."`
	Secret bool     `help:"They are secrets: kept sealed, and never shown again."`
	Reason string   `help:"Why; kept in the audit."`
}

func (c *configSetCmd) Run(p *program) error {
	values := map[string]string{}
	for _, pair := range c.Pairs {
		name, value, ok := strings.Cut(pair, "=")
		switch {
		case ok && c.Secret:
			return fault.Invalid("a secret's value does not belong on the command line, which every program on this machine can read; leave it away, and type it or pipe it in: slipway config set --secret %s", name)
		case ok:
		case c.Secret && len(c.Pairs) == 1:
			secret, err := p.askSecret(name + ": ")
			if err != nil {
				return err
			}
			value = secret
		case c.Secret:
			return fault.Invalid("one secret at a time: its value is read from standard input")
		default:
			return fault.Invalid("%q is not NAME=VALUE", pair)
		}
		values[name] = value
	}
	change := apiclient.ConfigChange{Settings: values, Reason: c.Reason}
	if c.Secret {
		change.Settings, change.Secrets = nil, values
	}
	return changeConfig(p, c.inPlace, change)
}

type configUnsetCmd struct {
	inPlace
	Names  []string `arg:"" name:"name" help:"What to remove."`
	Reason string   `help:"Why; kept in the audit."`
}

func (c *configUnsetCmd) Run(p *program) error {
	return changeConfig(p, c.inPlace, apiclient.ConfigChange{Remove: c.Names, Reason: c.Reason})
}

func changeConfig(p *program, in inPlace, change apiclient.ConfigChange) error {
	client, place, err := in.place(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	v, err := client.ChangeConfig(p.ctx, place, change)
	if err != nil {
		return err
	}
	p.say("%s/%s has configuration version %d; it is shipped like a commit: slipway watch", place.App, place.Env, v.Version)
	return nil
}
