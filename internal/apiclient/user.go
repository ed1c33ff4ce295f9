package apiclient

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// KnownUser is what is stored of a user of an app: what forgetting them removes.
type KnownUser struct {
	User      string    `json:"user"`
	Aliases   []string  `json:"aliases"`
	Anonymous []string  `json:"anonymous"`
	Events    int64     `json:"events"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Failed    int64     `json:"failed"`
}

// ForgottenUser is what became of it. Removed is nil while the events are still to be removed.
type ForgottenUser struct {
	User       string   `json:"user"`
	Aliases    []string `json:"aliases"`
	Anonymous  []string `json:"anonymous"`
	Suppressed bool     `json:"suppressed"`
	Removed    *int64   `json:"removed,omitempty"`
}

// Forgetting is how a user is to be forgotten.
type Forgetting struct {
	Suppress    bool   `json:"suppress,omitempty"`
	KeepAliases bool   `json:"keep_aliases,omitempty"`
	Reason      string `json:"reason,omitempty"`
}

func userPath(app, user string) string {
	return eventsPath(app, "events/people/"+url.PathEscape(user))
}

// KnownUser counts what is stored of a user; keepAliases leaves out other ids that an alias says were theirs.
func (c *Client) KnownUser(ctx context.Context, app, user string, keepAliases bool) (k Item[KnownUser], err error) {
	query := url.Values{}
	if keepAliases {
		query.Set("keep_aliases", "true")
	}
	err = c.get(ctx, userPath(app, user), query, &k)
	return k, err
}

// ForgetUser removes all of a user.
func (c *Client) ForgetUser(ctx context.Context, app, user string, how Forgetting) (f Item[ForgottenUser], err error) {
	err = c.post(ctx, userPath(app, user)+"/forget", how, &f)
	return f, err
}

// ExportUser gives each line of JSON that is stored of a user to fn. An error, also on the way, means that it was not all.
func (c *Client) ExportUser(ctx context.Context, app, user string, fn func(line []byte) error) error {
	res, err := c.send(ctx, http.MethodGet, userPath(app, user)+"/export", nil, nil, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewReader(res.Body)
	for {
		line, err := lines.ReadBytes('\n')
		switch {
		case err == io.EOF && len(line) == 0:
			return nil
		case err != nil:
			return fmt.Errorf("read what is stored of %s; what came is not all: %w", user, err)
		}
		if err := fn(line); err != nil {
			return err
		}
	}
}
