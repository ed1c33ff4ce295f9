package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/picture"
	"github.com/slipwayhq/slipway/internal/fault"
)

type watchCmd struct {
	inPlace
	JSON    bool   `name:"json" help:"Print one JSON object a line, as the API gives it, at each change."`
	Rollout string `arg:"" optional:"" help:"The rollout, by id or number; default: the one under way, or else the next."`
}

func (c *watchCmd) Run(p *program) error {
	client, place, err := c.place(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	id, err := underWay(p, client, place, c.Rollout)
	if fault.Is(err, fault.CodeNotFound) && c.Rollout == "" {
		_, _ = fmt.Fprintf(p.stderr, "Nothing is under way in %s/%s; waiting for the next rollout.\n", place.App, place.Env)
		id, err = nextRollout(p.ctx, client, place)
	}
	if err != nil {
		return err
	}
	w := &watcher{program: p, client: client, app: place.App, id: id, show: c.screen(p)}
	last, err := w.follow(p.ctx)
	if err != nil {
		return err
	}
	if last.Outcome != "promoted" {
		return &status{code: exitNotPromoted}
	}
	return nil
}

// screen chooses how a rollout is shown.
func (c *watchCmd) screen(p *program) func(apiclient.Item[apiclient.Rollout]) {
	if c.JSON {
		return func(r apiclient.Item[apiclient.Rollout]) { p.say("%s", strings.ReplaceAll(string(r.Raw), "\n", "")) }
	}
	if f, ok := p.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		drawn := 0
		return func(r apiclient.Item[apiclient.Rollout]) {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil || width <= 0 { // some terminals do not know theirs
				width = 80
			}
			var b strings.Builder
			if drawn > 0 {
				fmt.Fprintf(&b, "\x1b[%dA", drawn)
			}
			drawn = 0
			for _, line := range picture.Draw(r.Value, picture.Ink{Colours: os.Getenv("NO_COLOR") == ""}) {
				for _, row := range wrap(line, width) {
					b.WriteString("\x1b[2K" + row + "\n")
					drawn++
				}
			}
			b.WriteString("\x1b[J")
			_, _ = f.WriteString(b.String())
		}
	}
	said, at := "", time.Time{}
	return func(r apiclient.Item[apiclient.Rollout]) {
		v := r.Value
		key := fmt.Sprint(v.State, v.Step, v.Verdict, v.Outcome)
		if key == said && time.Since(at) < plainEvery {
			return
		}
		said, at = key, time.Now()
		p.say("%s %-9s %s", at.Format(time.TimeOnly), v.State, v.Sentence)
	}
}

// plainEvery is how often a line is printed where nothing can be drawn and nothing changes.
const plainEvery = 10 * time.Second

// wrap breaks a line at its blanks into rows of the terminal's width, so that what is drawn has as many rows as were counted; the later ones are indented. A word that
// is wider than a row is cut. Colours have no width.
func wrap(line string, width int) []string {
	const indent = "      "
	if width <= 2*len(indent) {
		return []string{cut(line, width)}
	}
	var rows []string
	rest := line
	for {
		at := breakAt(rest, width)
		if at < 0 {
			return append(rows, cut(rest, width))
		}
		rows = append(rows, cut(strings.TrimRight(rest[:at], " "), width))
		rest = indent + strings.TrimLeft(rest[at:], " ")
	}
}

// breakAt gives the place of the last blank in front of which a row has room, behind its indent, or of the first blank behind a word that has none; −1 where nothing
// needs to be broken, or can be.
func breakAt(line string, width int) int {
	n, last, inCode, begun := 0, -1, false, false
	for at, r := range line {
		switch {
		case r == '\x1b':
			inCode = true
		case inCode:
			inCode = r != 'm'
		case n >= width && r == ' ':
			return at
		case n >= width && last >= 0:
			return last
		default:
			if r == ' ' && begun {
				last = at
			}
			begun = begun || r != ' '
			n++
		}
	}
	return -1
}

// cut leaves out what is beyond the width, but no colour code.
func cut(line string, width int) string {
	var b strings.Builder
	n, inCode := 0, false
	for _, r := range line {
		switch {
		case r == '\x1b':
			inCode = true
		case inCode:
			inCode = r != 'm'
		default:
			if n++; n > width {
				continue
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// watcher follows one rollout.
type watcher struct {
	program *program
	client  *apiclient.Client
	app, id string
	show    func(apiclient.Item[apiclient.Rollout])
}

var errOver = errors.New("it is over")

// follow shows the rollout at each change, and each second, until it is over.
func (w *watcher) follow(ctx context.Context) (apiclient.Rollout, error) {
	changed := make(chan struct{}, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return w.client.Stream(ctx, w.app, apiclient.Now, func(apiclient.News) error {
			select {
			case changed <- struct{}{}:
			default: // it will be looked at anyway
			}
			return nil
		})
	})
	var last apiclient.Rollout
	g.Go(func() error {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			r, err := w.client.Rollout(ctx, w.app, w.id)
			switch {
			case err == nil:
				w.show(r)
				if last = r.Value; last.Ended() {
					return errOver
				}
			case !passing(err):
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-changed:
			case <-tick.C:
			}
		}
	})
	if err := g.Wait(); !errors.Is(err, errOver) {
		return last, err
	}
	return last, nil
}

// passing tells errors that a restart of the server explains.
func passing(err error) bool {
	var no *apiclient.Problem
	return !errors.As(err, &no) && !errors.Is(err, context.Canceled) || no != nil && no.Status >= 500
}

// nextRollout waits for one to be under way.
func nextRollout(ctx context.Context, client *apiclient.Client, place apiclient.Place) (string, error) {
	id := ""
	err := client.Stream(ctx, place.App, apiclient.Now, func(apiclient.News) error {
		e, err := client.Environment(ctx, place)
		if err != nil || e.Rollout == nil {
			return err
		}
		id = e.Rollout.ID
		return errOver
	})
	if errors.Is(err, errOver) {
		return id, nil
	}
	if err == nil {
		err = ctx.Err()
	}
	return "", err
}
