package cli

import (
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/words"
	"github.com/slipwayhq/slipway/internal/fault"
)

type tokensVerb struct {
	List   tokensListCmd   `cmd:"" default:"withargs" help:"List your tokens; an admin sees everybody's."`
	Create tokensCreateCmd `cmd:"" help:"Make a token; it is shown this once."`
	Revoke tokensRevokeCmd `cmd:"" help:"End a token, and the sessions that it opened."`
}

type tokensListCmd struct {
	remote
	JSON bool `name:"json" help:"Print the API's JSON: an array."`
}

func (c *tokensListCmd) Run(p *program) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	tokens, err := client.Tokens(p.ctx)
	if err != nil {
		return err
	}
	return show(p, c.JSON, tokens, "LABEL PERSON MADE USED ENDS ID", func(t apiclient.Token) []any {
		used, ends := "never", "never"
		if t.UsedAt != nil {
			used = words.When(*t.UsedAt)
		}
		if t.ExpiresAt != nil {
			ends = t.ExpiresAt.Local().Format("2006-01-02")
		}
		return []any{t.Label, t.Person, words.When(t.CreatedAt), used, ends, t.ID}
	})
}

type tokensCreateCmd struct {
	remote
	JSON    bool          `name:"json" help:"Print the API's JSON."`
	Label   string        `arg:"" help:"What it is for."`
	Person  string        `help:"Whose it is; default: yours. Of others takes an admin."`
	Expires time.Duration `help:"How long it is valid; default: for ever."`
}

func (c *tokensCreateCmd) Run(p *program) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	t, err := client.CreateToken(p.ctx, c.Label, c.Person, from(c.Expires))
	if err != nil {
		return err
	}
	if c.JSON {
		return p.printJSON(t)
	}
	p.say("%s", t.Value.Secret)
	return nil
}

// from is the time that far from now; no time for no distance.
func from(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d).UTC()
}

type tokensRevokeCmd struct {
	remote
	ID string `arg:"" help:"Id of the token: tok_…."`
}

func (c *tokensRevokeCmd) Run(p *program) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.RevokeToken(p.ctx, c.ID); err != nil {
		return err
	}
	p.say("Revoked %s.", c.ID)
	return nil
}

type joinTokenCmd struct {
	remote
	JSON    bool          `name:"json" help:"Print the API's JSON."`
	Roles   []string      `help:"What the machines will do: work, host, edge." default:"work,host"`
	Label   string        `help:"What it is for."`
	Uses    int64         `help:"How many machines may join by it; default: any number."`
	Expires time.Duration `help:"How long it is valid." default:"24h"`
}

func (c *joinTokenCmd) Run(p *program) error {
	if c.Expires <= 0 {
		return fault.Invalid("--expires %s is no time to join in; write it like 24h", c.Expires)
	}
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	t, err := client.CreateJoinToken(p.ctx, apiclient.JoinToken{Roles: c.Roles, Label: c.Label, Uses: c.Uses, Expires: from(c.Expires)})
	if err != nil {
		return err
	}
	if c.JSON {
		return p.printJSON(t)
	}
	p.say("%s", t.Value.Token)
	machines := "any number of machines"
	switch c.Uses {
	case 0:
	case 1:
		machines = "one machine"
	default:
		machines = fmt.Sprintf("%d machines", c.Uses)
	}
	_, _ = fmt.Fprintf(p.stderr, "On the machine that joins: %s\nGood for %s, until %s (--uses, --expires).\n", t.Value.Command, machines, t.Value.Expires.Local().Format("2006-01-02 15:04"))
	return nil
}
