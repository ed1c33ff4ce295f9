package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/words"
	"github.com/slipwayhq/slipway/internal/fault"
)

type buildsCmd struct {
	inApp
	listing
	Env   string `help:"Only of this environment." env:"SLIPWAY_ENV" group:"Place"`
	Build string `arg:"" optional:"" help:"A build, by id or number: shown with its units."`
}

func (c *buildsCmd) Run(p *program) error {
	client, app, err := c.find(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	if c.Build == "" {
		builds, err := client.Builds(p.ctx, apiclient.Some{App: app, Env: c.Env, Limit: c.Limit})
		if err != nil {
			return err
		}
		return show(p, c.JSON, builds, "BUILD STATE UNITS TOOK WHEN COMMIT SUBJECT ID", buildRow)
	}
	id, err := buildID(p, client, app, c.Env, c.Build)
	if err != nil {
		return err
	}
	found, err := client.Build(p.ctx, app, id)
	if err != nil {
		return err
	}
	if c.JSON {
		return p.printJSON(found)
	}
	p.describeBuild(found.Value)
	return nil
}

func buildRow(b apiclient.Build) []any {
	return []any{
		fmt.Sprintf("#%d", b.Number), b.State, fmt.Sprintf("%d/%d", b.Done, b.Total), took(b.StartedAt, b.EndedAt), words.When(b.QueuedAt), words.Short(b.Head.SHA),
		words.Clip(b.Head.Subject, 50), b.ID,
	}
}

// took is how long something ran, or runs by now.
func took(from, to *time.Time) string {
	if from == nil {
		return "-"
	}
	end := time.Now()
	if to != nil {
		end = *to
	}
	return end.Sub(*from).Round(100 * time.Millisecond).String()
}

func (p *program) describeBuild(b apiclient.Build) {
	p.say("build #%d of %s: %s %s by %s", b.Number, b.Environment, words.Short(b.Head.SHA), b.Head.Subject, b.Head.Author)
	p.say("%s, %d of %d units, %d failed, took %s", b.State, b.Done, b.Total, b.Failed, took(b.StartedAt, b.EndedAt))
	if b.Waiting != "" {
		p.say("waits: %s", b.Waiting)
	}
	for _, r := range b.Reasons {
		p.say("%s", r.Text)
	}
	for _, u := range b.Units {
		p.say("  %-8s %6d ms  %-12s %s", u.Status, u.DurationMS, u.Worker, u.Unit)
		if u.Output != "" {
			for line := range strings.SplitSeq(strings.TrimRight(u.Output, "\n"), "\n") {
				p.say("    | %s", line)
			}
		}
	}
	for _, l := range b.Leases {
		p.say("  lease %s  %-7s %-9s %-12s %d units", l.ID, l.Kind, l.State, l.Worker, l.Units)
	}
}

// buildID finds a build by its id, or by the number that people say, in an environment when one is named.
func buildID(p *program, client *apiclient.Client, app, env, name string) (string, error) {
	number, ok := numbered(name)
	if !ok {
		return name, nil
	}
	builds, err := client.BuildsNumbered(p.ctx, app, env, number)
	if err != nil {
		return "", err
	}
	var ids, places []string
	for _, b := range builds {
		ids, places = append(ids, b.Value.ID), append(places, b.Value.Environment)
	}
	return one("build", app, env, number, ids, places)
}

// numbered reads the number that people say: 3 or #3. It is false for an id.
func numbered(name string) (int, bool) {
	number, err := strconv.Atoi(strings.TrimPrefix(name, "#"))
	return number, err == nil
}

// one gives the only one of the ids that have a number: environments count for themselves.
func one(noun, app, env string, number int, ids, places []string) (string, error) {
	at := app
	if env != "" {
		at += "/" + env
	}
	switch len(ids) {
	case 0:
		return "", fault.NotFound("%s has no %s #%d", at, noun, number)
	case 1:
		return ids[0], nil
	}
	for i := range ids {
		ids[i] += " of " + places[i]
	}
	return "", fault.Invalid("there are several %ss #%d; say which by its id: %s", noun, number, strings.Join(ids, ", "))
}

type cancelCmd struct {
	inApp
	Build  string `arg:"" help:"The build, by id or number."`
	Reason string `help:"Why."`
}

func (c *cancelCmd) Run(p *program) error {
	client, app, err := c.find(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	id, err := buildID(p, client, app, "", c.Build)
	if err != nil {
		return err
	}
	if err := client.CancelBuild(p.ctx, app, id, c.Reason); err != nil {
		return err
	}
	p.say("Cancelled %s.", id)
	return nil
}

type retryCmd struct {
	inApp
	Build string `arg:"" help:"The build, by id or number."`
}

func (c *retryCmd) Run(p *program) error {
	client, app, err := c.find(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	id, err := buildID(p, client, app, "", c.Build)
	if err != nil {
		return err
	}
	again, err := client.RetryBuild(p.ctx, app, id)
	if err != nil {
		return err
	}
	p.say("%s builds the same commit again; units that passed are not run again.", again)
	return nil
}
