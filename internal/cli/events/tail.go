package events

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/printable"
)

// Tail follows events.
type Tail struct {
	Name string `help:"Only events of this name."`
	User string `help:"Only this user or anonymous id."`
	Env  string `help:"Only this environment."`
	JSON bool   `name:"json" help:"Print each event as a line of JSON."`
}

// Run prints until it is interrupted.
func (c *Tail) Run(h *Host) error {
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	heard := h.waiting()
	defer heard()
	filter := url.Values{"name": {c.Name}, "user": {c.User}, "environment": {c.Env}}
	return client.Tail(h.Context, app, filter, func(_, kind string, data json.RawMessage) error {
		heard()
		if c.JSON {
			_, err := fmt.Fprintf(h.Out, "%s\n", printable.JSON(data))
			return err
		}
		var e struct {
			Time, Received                                    time.Time
			Kind, Name, User, Anonymous, Reason, Message, Raw string
			Properties                                        json.RawMessage
			Context                                           struct{ Page struct{ Path, URL string } }
		}
		_ = json.Unmarshal(data, &e) // what is not understood is left out
		who := slices.DeleteFunc([]string{e.User, e.Anonymous}, func(s string) bool { return s == "" })
		if kind == "failed" {
			_, err := fmt.Fprintf(h.Out, "%s  failed    %s: %s\n", e.Received.Format(time.TimeOnly), line(e.Reason), line(e.Message))
			return err
		}
		what := e.Name
		if what == "" && (e.Kind == "page" || e.Kind == "screen") { // most have no name: where it was is what it is known by
			what = cmp.Or(e.Context.Page.Path, e.Context.Page.URL)
		}
		_, err := fmt.Fprintf(h.Out, "%s  %-8s  %-24s  %-24s  %s\n", e.Time.Format(time.TimeOnly), line(e.Kind), line(what), line(strings.Join(append(who, ""), " ")), line(string(e.Properties)))
		return err
	})
}

// silence is how long nothing comes until that is said.
const silence = 2 * time.Second

// waiting says once that nothing came yet, unless it is told soon that something did, or that it is over. When it was told, nothing more is said.
func (h *Host) waiting() (heard func()) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-stop:
		case <-time.After(silence):
			_, _ = fmt.Fprintln(h.Err, "waiting for events…")
		}
	})
	return sync.OnceFunc(func() {
		close(stop)
		wg.Wait()
	})
}
