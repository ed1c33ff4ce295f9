package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/credentials"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// localURL is where `slipway serve` listens when nobody says otherwise.
const localURL = "http://127.0.0.1:7070"

// manifestName is the file that says what an app is.
const manifestName = ".slipway.yaml"

// remote is for verbs that talk to a server.
type remote struct {
	URL   string `help:"The server; default: the one signed in to last, else ${localURL}." env:"SLIPWAY_URL" group:"Server"`
	Token string `help:"Your token; default: that of slipway login." env:"SLIPWAY_TOKEN" group:"Server"`
	Pin   string `help:"Fingerprint of the server's key; default: that of slipway login." env:"SLIPWAY_PIN" group:"Server"`
}

// connect makes the way to the server.
func (r remote) connect() (*apiclient.Client, error) {
	book, err := credentials.Read()
	if err != nil {
		return nil, err
	}
	address := r.URL
	if address == "" {
		address = book.Last
	}
	if address == "" {
		address = localURL
	}
	known := book.Of(address)
	o := apiclient.Options{URL: address, Token: r.Token, Pin: r.Pin, Agent: "slipway/" + programVersion()}
	if o.Token == "" {
		o.Token = known.Token
	}
	if o.Pin == "" {
		o.Pin = known.Pin
	}
	if o.Token == "" {
		return nil, fault.Unauthorized("no token for %s; sign in with: slipway login %s (or set SLIPWAY_TOKEN)", address, address)
	}
	return apiclient.New(o)
}

// inApp is for verbs about an app.
type inApp struct {
	remote
	App string `help:"The app; default: that of .slipway.yaml, or the only one." env:"SLIPWAY_APP" group:"Place"`
}

// find connects and gives the app.
func (r inApp) find(ctx context.Context) (*apiclient.Client, string, error) {
	c, err := r.connect()
	if err != nil {
		return nil, "", err
	}
	app, err := r.app(ctx, c)
	return c, app, err
}

func (r inApp) app(ctx context.Context, c *apiclient.Client) (string, error) {
	if r.App != "" {
		return r.App, nil
	}
	if app := appOfFolder("."); app != "" {
		return app, nil
	}
	apps, err := c.Apps(ctx)
	switch {
	case err != nil:
		return "", err
	case len(apps) == 0:
		return "", fault.NotFound("there is no app on %s that you may see; the first git push makes one", c.URL())
	case len(apps) > 1:
		return "", fault.Invalid("there are %d apps; say which with --app, or go to a repository with a %s", len(apps), manifestName)
	}
	return apps[0].Value.Name, nil
}

// inPlace is for verbs about an environment.
type inPlace struct {
	inApp
	Env string `help:"The environment." default:"production" env:"SLIPWAY_ENV" group:"Place"`
}

func (r inPlace) place(ctx context.Context) (*apiclient.Client, apiclient.Place, error) {
	c, app, err := r.find(ctx)
	return c, apiclient.Place{App: app, Env: r.Env}, err
}

// appOfFolder reads the app's name from the nearest manifest in dir or above it, up to the top of the repository; empty when there is none that can be read.
func appOfFolder(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, manifestName))
		if err == nil {
			m, problems := manifest.Parse(text)
			if problems != nil || m == nil {
				return ""
			}
			return m.App
		}
		_, top := os.Stat(filepath.Join(dir, ".git"))
		if parent := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && top != nil && parent != dir {
			dir = parent
			continue
		}
		return ""
	}
}
