package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Rebuild makes the store of an app's events anew.
type Rebuild struct {
	App  string `arg:"" help:"The app, by its name: its store is dropped, and filled again."`
	JSON bool   `name:"json" help:"Print the API's JSON when it is over."`
}

// look is how often it is asked how far it is.
const look = 300 * time.Millisecond

// Run asks for it, and tells how far it is until it is over.
func (c *Rebuild) Run(h *Host) error {
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	r, err := begin(h.Context, client, app)
	if err != nil {
		return err
	}
	said := ""
	for !r.Value.Over() {
		if now := progress(r.Value); now != said && !c.JSON {
			said = now
			_, _ = fmt.Fprintln(h.Out, now)
		}
		select {
		case <-time.After(look):
		case <-h.Context.Done():
			return errors.New("the server goes on with it; slipway events rebuild " + app + " shows how far it is")
		}
		if r, err = client.Rebuilding(h.Context, app); err != nil {
			return err
		}
	}
	switch {
	case r.Value.State == "refused":
		return fmt.Errorf("the store of %s stays as it was: %s", app, r.Value.Message)
	case r.Value.State == "none":
		return errors.New("the server was started anew meanwhile, and goes on by itself; its log tells how")
	case c.JSON:
		return h.JSON(r)
	}
	_, err = fmt.Fprintf(h.Out, "done: %d events from the archive, and the log up to %d\n", r.Value.Archived, r.Value.Target)
	return err
}

// begin asks for a rebuild; one that is under way is followed.
func begin(ctx context.Context, client *apiclient.Client, app string) (apiclient.Item[apiclient.Rebuild], error) {
	r, err := client.Rebuild(ctx, app)
	if !apiclient.Is(err, fault.CodeConflict) {
		return r, err
	}
	now, failed := client.Rebuilding(ctx, app)
	if failed == nil && !now.Value.Over() {
		return now, nil
	}
	return r, err
}

// progress is how far it is, in words.
func progress(r apiclient.Rebuild) string {
	words := "reading the log"
	switch r.State {
	case "checking":
		words = "looking whether archive and log have all that is stored"
	case "filling":
		words = fmt.Sprintf("filling from the archive: %d events", r.Archived)
	case "reading":
		if r.Target > 0 {
			words = fmt.Sprintf("reading the log: %d of %d", min(r.Stored, r.Target), r.Target)
		}
	}
	if r.Message != "" {
		words += " (" + r.Message + ")"
	}
	return words
}
