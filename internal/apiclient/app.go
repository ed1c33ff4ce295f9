package apiclient

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Session is who the caller is.
type Session struct {
	Person  Person `json:"person"`
	Admin   bool   `json:"admin"`
	Version string `json:"version"`
	URL     string `json:"url"`
	EdgeURL string `json:"edge_url"`
	Demo    bool   `json:"demo"`
}

// Session tells who the token belongs to.
func (c *Client) Session(ctx context.Context) (Session, error) {
	var s Session
	return s, c.get(ctx, "/v1/session", nil, &s)
}

// App is an app with its environments.
type App struct {
	Name         string        `json:"name"`
	Role         string        `json:"role"`
	GitURL       string        `json:"git_url"`
	Environments []Environment `json:"environments"`
}

// Environment is where an app runs.
type Environment struct {
	Name    string   `json:"name"`
	Branch  string   `json:"branch"`
	Domains []string `json:"domains"`
	URL     string   `json:"url"`
	Waiting int      `json:"waiting"`
	Live    *Live    `json:"live"`
	Rollout *struct {
		ID string `json:"id"`
	} `json:"rollout"`
}

// Live is the release that serves.
type Live struct {
	Release string `json:"release"`
	Number  int    `json:"number"`
	Commit  string `json:"commit"`
	Subject string `json:"subject"`
}

// Apps lists the apps that the caller may see.
func (c *Client) Apps(ctx context.Context) ([]Item[App], error) {
	return all[Item[App]](ctx, c, "/v1/apps", nil)
}

// App shows one app.
func (c *Client) App(ctx context.Context, app string) (App, error) {
	var a App
	return a, c.get(ctx, "/v1/apps/"+url.PathEscape(app), nil, &a)
}

// CreateApp makes an app; the first push to it would do the same.
func (c *Client) CreateApp(ctx context.Context, name string) (App, error) {
	var a App
	return a, c.post(ctx, "/v1/apps", map[string]string{"name": name}, &a)
}

// Place is an environment of an app.
type Place struct{ App, Env string }

func (p Place) path(more string) string {
	return "/v1/apps/" + url.PathEscape(p.App) + "/environments/" + url.PathEscape(p.Env) + more
}

// Environment shows one environment.
func (c *Client) Environment(ctx context.Context, p Place) (Environment, error) {
	var e Environment
	return e, c.get(ctx, p.path(""), nil, &e)
}

// reason is the body of what needs no more.
type reason struct {
	Reason string `json:"reason,omitempty"`
}

// Freeze holds everything new; Unfreeze lets it go on.
func (c *Client) Freeze(ctx context.Context, p Place, why string) error {
	return c.post(ctx, p.path("/freeze"), reason{why}, nil)
}

// Unfreeze lets go on what waits.
func (c *Client) Unfreeze(ctx context.Context, p Place, why string) error {
	return c.post(ctx, p.path("/unfreeze"), reason{why}, nil)
}

// RollBack goes back to a release, the last good one when it is empty, and gives the rollout that does it.
func (c *Client) RollBack(ctx context.Context, p Place, release, why string) (rollout string, err error) {
	var started struct {
		Rollout string `json:"rollout"`
	}
	body := struct {
		reason
		Release string `json:"release,omitempty"`
	}{reason{why}, release}
	return started.Rollout, c.post(ctx, p.path("/rollback"), body, &started)
}

// Config is what an environment gives its processes.
type Config struct {
	Version  int               `json:"version"`
	Settings map[string]string `json:"settings"`
	Secrets  []Secret          `json:"secrets"`
}

// Secret is known by its name alone.
type Secret struct {
	Name      string    `json:"name"`
	Version   int       `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ConfigChange is what to change, together, in one version.
type ConfigChange struct {
	Settings map[string]string `json:"settings,omitempty"`
	Secrets  map[string]string `json:"secrets,omitempty"`
	Remove   []string          `json:"remove,omitempty"`
	Reason   string            `json:"reason,omitempty"`
}

// Config shows settings and the names of secrets.
func (c *Client) Config(ctx context.Context, p Place) (Item[Config], error) {
	var v Item[Config]
	return v, c.get(ctx, p.path("/config"), nil, &v)
}

// ChangeConfig makes a new version, whatever the present one is, and so a release where something was shipped already.
func (c *Client) ChangeConfig(ctx context.Context, p Place, change ConfigChange) (Config, error) {
	var v Config
	return v, c.call(ctx, http.MethodPatch, p.path("/config"), nil, header{"If-Match": "*"}, change, &v)
}
