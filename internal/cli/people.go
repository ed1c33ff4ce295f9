package cli

import (
	"strings"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/words"
)

type peopleVerb struct {
	List   peopleListCmd   `cmd:"" default:"withargs" help:"List people and their roles."`
	Add    peopleAddCmd    `cmd:"" help:"Add somebody, and print the link that signs them in."`
	Remove peopleRemoveCmd `cmd:"" help:"Remove somebody: their tokens, sessions and roles end at once."`
	Grant  peopleGrantCmd  `cmd:"" help:"Give somebody a role in an app, or take it away."`
}

type peopleListCmd struct {
	remote
	JSON bool `name:"json" help:"Print the API's JSON: an array."`
}

func (c *peopleListCmd) Run(p *program) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	people, err := client.People(p.ctx)
	if err != nil {
		return err
	}
	return show(p, c.JSON, people, "NAME EMAIL ROLES", func(who apiclient.Person) []any {
		var roles []string
		if who.Admin {
			roles = append(roles, "admin")
		}
		for _, g := range who.Grants {
			roles = append(roles, g.Role+" of "+place(g.App, g.Env))
		}
		return []any{who.Name, words.Dash(who.Email), words.Dash(strings.Join(roles, ", "))}
	})
}

type peopleAddCmd struct {
	remote
	Name  string `arg:"" help:"Their name: a-z, 0-9, '.', '_' and '-'."`
	Email string `help:"As in their commits, so that notices reach them."`
	Admin bool   `help:"They may do everything."`
}

func (c *peopleAddCmd) Run(p *program) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := client.AddPerson(p.ctx, c.Name, c.Email, c.Admin); err != nil {
		return err
	}
	link, err := client.SignInLink(p.ctx, c.Name)
	if err != nil {
		return err
	}
	p.say("%s", link)
	return nil
}

type peopleRemoveCmd struct {
	remote
	Name   string `arg:"" help:"Their name."`
	Reason string `help:"Why; kept in the audit."`
}

func (c *peopleRemoveCmd) Run(p *program) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.RemovePerson(p.ctx, c.Name, c.Reason); err != nil {
		return err
	}
	p.say("Removed %s.", c.Name)
	return nil
}

type peopleGrantCmd struct {
	remote
	Name string `arg:"" help:"Their name."`
	App  string `arg:"" help:"The app; '*' for all."`
	Role string `arg:"" help:"viewer, deployer, or none." enum:"viewer,deployer,none"`
	Env  string `help:"Deployer of this environment alone. With none: what they were given there; without it, every role in the app." placeholder:"NAME"`
}

func (c *peopleGrantCmd) Run(p *program) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	role := c.Role
	if role == "none" {
		role = ""
	}
	if err := client.SetGrant(p.ctx, c.Name, apiclient.Grant{App: c.App, Env: c.Env, Role: role}); err != nil {
		return err
	}
	p.say("%s is %s of %s.", c.Name, c.Role, place(c.App, c.Env))
	return nil
}

// place names where a role holds: "shop", or "shop (staging)".
func place(app, env string) string {
	if env == "" || env == "*" {
		return app
	}
	return app + " (" + env + ")"
}
