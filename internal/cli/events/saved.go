package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/slipwayhq/slipway/internal/apiclient"
)

// Saved lists the questions that have a name, or asks one.
type Saved struct {
	Form
	Name string `arg:"" optional:"" help:"Name of the one to ask; without it they are listed."`
}

// Run lists, or asks.
func (c *Saved) Run(h *Host) error {
	client, app, err := h.Find()
	if err != nil {
		return err
	}
	defer client.Close()
	if c.Name != "" {
		q, err := h.saved(client, app, c.Name)
		if err != nil {
			return err
		}
		a, err := client.AskSaved(h.Context, app, q.ID)
		if err != nil {
			return err
		}
		if err := h.print(q.Kind, q.Question, h.shown(client, app, q.Kind, a, c.Form), c.Form); err != nil || c.JSON || c.SQL {
			return err
		}
		h.unknown(client, app, q.Question, a.Value)
		return nil
	}
	all, err := client.SavedQuestions(h.Context, app)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return h.JSON(all)
	case len(all) == 0:
		_, err = fmt.Fprintln(h.Out, "none")
		return err
	}
	t := tabwriter.NewWriter(h.Out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "NAME\tKIND\tCHANGED\tBY")
	for _, q := range all {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", line(q.Value.Name), q.Value.Kind, q.Value.ChangedAt.Format(time.RFC3339), line(q.Value.ChangedBy))
	}
	return t.Flush()
}

// saved finds a question by its name.
func (h *Host) saved(client *apiclient.Client, app, name string) (apiclient.SavedQuestion, error) {
	all, err := client.SavedQuestions(h.Context, app)
	if err != nil {
		return apiclient.SavedQuestion{}, err
	}
	i := slices.IndexFunc(all, func(q apiclient.Item[apiclient.SavedQuestion]) bool { return q.Value.Name == name })
	if i < 0 {
		return apiclient.SavedQuestion{}, fmt.Errorf("%s has no saved question %q; slipway events saved lists those that it has", app, name)
	}
	return all[i].Value, nil
}

// words are the SELECT that is meant: that of a saved question, or what is written.
func (c *SQL) words(h *Host) (string, error) {
	switch {
	case c.Saved != "" && c.Text != "":
		return "", errors.New("give a SELECT or --saved NAME, and not both")
	case c.Text != "":
		return h.text(c.Text)
	case c.Saved == "":
		return "", errors.New("say what to ask: a SELECT, or --saved NAME")
	}
	client, app, err := h.Find()
	if err != nil {
		return "", err
	}
	defer client.Close()
	q, err := h.saved(client, app, c.Saved)
	if err != nil {
		return "", err
	}
	if q.Kind != "sql" {
		return "", fmt.Errorf("the saved question %q is a %s; ask it with: slipway events saved %q", q.Name, q.Kind, q.Name)
	}
	var own struct{ SQL string }
	if err := json.Unmarshal(q.Question, &own); err != nil {
		return "", fmt.Errorf("read the saved question %q: %w", q.Name, err)
	}
	return own.SQL, nil
}
