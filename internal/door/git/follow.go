package git

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipwayhq/slipway/internal/decide/catalog"
)

// postReceive settles the push and then tells the pusher how it goes on, until the verdict of the tests.
func (d *Door) postReceive(ctx context.Context, p *push, say func(string)) {
	// The push counts from here on, whoever listens: neither the pusher's leaving nor the server's end may stop half way.
	err := d.finish(context.WithoutCancel(ctx), p)
	if err != nil {
		d.log.Error("push not told of yet", "app", p.app, "error", err)
		say("-----> The push is stored, but something went wrong behind it. It is tried again when the server starts; its log has the details.")
		return
	}
	reader, cancel := context.WithCancel(p.reader)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	done, updates := p.outcome()
	for _, note := range done.notes {
		say("       " + note)
	}
	for _, u := range updates {
		// Where the head is another one, git refused this update, and says so itself.
		if u.new != "" && u.branch() != "" && done.heads[u.branch()] == u.new {
			d.followBranch(reader, p.app, u, say)
		}
	}
}

// followed tells which branches are, so that who pushed "master" sees that it was to be "main".
func (d *Door) followed(ctx context.Context, app string) string {
	envs, err := catalog.EnvironmentsOf(ctx, d.opts.DB, app)
	if err != nil || len(envs) == 0 {
		return ""
	}
	var parts []string
	for _, e := range envs {
		parts = append(parts, e.Name+" follows "+e.Branch)
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func (d *Door) followBranch(ctx context.Context, app string, u update, say func(string)) {
	env, mapped, err := catalog.EnvironmentFor(ctx, d.opts.DB, app, u.branch())
	if err != nil {
		say("       The server cannot tell more now.")
		return
	}
	if !mapped || u.manifest == nil {
		say(fmt.Sprintf("-----> %s is stored. No environment of %s follows it%s.", u.branch(), app, d.followed(ctx, app)))
		return
	}
	say(fmt.Sprintf("-----> %s of %s: %s goes to %s", u.new[:10], app, u.branch(), env.Name))
	if h := u.hotfix; h != nil {
		var skipped []string
		if h.SkipTests {
			skipped = append(skipped, "tests")
		}
		if h.SkipWatch {
			skipped = append(skipped, "watch")
		}
		say(fmt.Sprintf("       Hotfix: without %s, because: %s", strings.Join(skipped, " and "), h.Reason))
	}
	if d.opts.Follow != nil {
		say("       (ctrl-C stops these lines, not the work.)")
		if err := d.opts.Follow(ctx, app, env.Name, u.new, func(line string) { say("       " + line) }); err != nil && ctx.Err() == nil {
			d.log.Error("push not followed", "app", app, "commit", u.new, "error", err)
			say("       The server cannot tell more now.")
		}
	}
	say(fmt.Sprintf("       %s/apps/%s?environment=%s", d.opts.URL, app, env.Name))
}
