package events

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/pure/printable"
)

// User lists what one visitor did.
type User struct {
	Form
	ID     string `arg:"" help:"User id or anonymous id."`
	Before uint64 `placeholder:"SEQ" help:"Only what comes behind this row, by its SEQ: the next page."`
	Limit  int    `short:"n" default:"50" help:"How many at most."`
}

// Run asks.
func (c *User) Run(h *Host) error {
	q := map[string]any{"visitor": c.ID, "limit": c.Limit}
	if c.Before > 0 {
		q["before_sequence"] = c.Before
	}
	return h.ask("timeline", q, c.Form)
}

// ExportUser gives out all that is stored of a user.
type ExportUser struct {
	ID string `arg:"" help:"User id, as the events have it."`
	To string `placeholder:"FILE" help:"Write it into a new file; by default to standard output."`
}

// Run writes lines of JSON: the user's ids, then their events in the order in which they came.
func (c *ExportUser) Run(h *Host) (err error) {
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	out := h.Out
	if c.To != "" {
		f, err := os.OpenFile(c.To, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // of one person: for nobody else to read
		if err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
		out = f
		defer func() {
			if err = errors.Join(err, f.Close()); err != nil {
				err = errors.Join(err, os.Remove(c.To)) // a part would be taken for all
			}
		}()
	}
	lines := 0
	err = client.ExportUser(h.Context, app, c.ID, func(line []byte) error {
		lines++
		_, err := out.Write(append(printable.JSON(line[:len(line)-1]), '\n'))
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(h.Err, "%s of %s\n", amount(int64(max(0, lines-1)), "event"), line(c.ID))
	return err
}

// ForgetUser removes all that is stored of a user.
type ForgetUser struct {
	ID          string `arg:"" help:"User id, as the events have it."`
	Yes         bool   `help:"Remove it. Without this it is only said what would be removed."`
	Suppress    bool   `help:"Take no events of them from now on, either."`
	KeepAliases bool   `help:"Leave the events of other ids that an alias says were theirs."`
	Reason      string `help:"Why; kept in the audit."`
	JSON        bool   `name:"json" help:"Print the API's JSON."`
}

// Run says what goes, or removes it.
func (c *ForgetUser) Run(h *Host) error {
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	if !c.Yes {
		k, err := client.KnownUser(h.Context, app, c.ID, c.KeepAliases)
		if err != nil {
			return err
		}
		if c.JSON {
			return h.JSON(k)
		}
		printKnown(h.Out, k.Value)
		_, err = fmt.Fprintln(h.Out, "nothing is removed yet; --yes removes it, for good")
		return err
	}
	f, err := client.ForgetUser(h.Context, app, c.ID, apiclient.Forgetting{Suppress: c.Suppress, KeepAliases: c.KeepAliases, Reason: c.Reason})
	if err != nil {
		return err
	}
	if c.JSON {
		return h.JSON(f)
	}
	next := "what comes from now on is taken as before"
	if f.Value.Suppressed {
		next = "no more are taken"
	}
	if f.Value.Removed == nil {
		_, err = fmt.Fprintf(h.Out, "the events of %s are being removed, as soon as all is stored that was on its way; %s\n", line(c.ID), next)
		return err
	}
	_, err = fmt.Fprintf(h.Out, "%s of %s removed; %s\n", amount(*f.Value.Removed, "event"), line(c.ID), next)
	return err
}

func printKnown(w io.Writer, k apiclient.KnownUser) {
	_, _ = fmt.Fprintf(w, "%s of %s", amount(k.Events, "event"), line(k.User))
	if k.Events > 0 {
		_, _ = fmt.Fprintf(w, ", from %s to %s", k.First.UTC().Format(time.DateTime), k.Last.UTC().Format(time.DateTime))
	}
	if k.Failed > 0 {
		_, _ = fmt.Fprintf(w, ", and %s naming them", amount(k.Failed, "failed event"))
	}
	_, _ = fmt.Fprintln(w)
	for _, ids := range []struct {
		of   string
		list []string
	}{{"ids that an alias says were theirs", k.Aliases}, {"anonymous ids that became known as them", k.Anonymous}} {
		if len(ids.list) > 0 {
			_, _ = fmt.Fprintf(w, "%s: %s\n", ids.of, line(strings.Join(ids.list, ", ")))
		}
	}
}

// amount is "1 event", "2 events".
func amount(n int64, of string) string {
	if n != 1 {
		of += "s"
	}
	return fmt.Sprintf("%d %s", n, of)
}
