package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/picture"
)

type vitalsVerb struct {
	Test vitalsTestCmd `cmd:"" help:"Show what each vital would have read over the last hour."`
}

type vitalsTestCmd struct {
	inApp
	Env  string `help:"The environment." default:"production" env:"SLIPWAY_ENV" group:"Place"`
	File string `arg:"" optional:"" help:"A manifest whose vitals are tried. By default .slipway.yaml where there is one, and else those of the release that serves."`
	JSON bool   `name:"json" help:"Print the API's JSON."`
}

// Run fails where a vital would have read nothing: it would never judge a release.
func (c *vitalsTestCmd) Run(p *program) error {
	text, err := c.manifest()
	if err != nil {
		return err
	}
	client, app, err := c.find(p.ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	found, err := client.TestVitals(p.ctx, app, c.Env, text)
	if err != nil {
		return err
	}
	if c.JSON {
		return p.printJSON(found)
	}
	var missing []string
	err = show(p, false, found, "VITAL LAST-HOUR READ", func(r apiclient.Reading) []any {
		if !r.Found {
			missing = append(missing, r.Name)
		}
		return []any{r.Name, picture.Curve(r.Minutes, 30), r.Text}
	})
	if err == nil && len(missing) > 0 {
		return fmt.Errorf("%d of %d vitals read nothing, and would say nothing of a release: %s; does the app send them, do they have these names, and does a query give series with a label of the release?",
			len(missing), len(found), strings.Join(missing, ", "))
	}
	return err
}

// manifest is the text to try, empty for that of the release that serves.
func (c *vitalsTestCmd) manifest() (string, error) {
	name := c.File
	if name == "" {
		name = ".slipway.yaml"
	}
	text, err := os.ReadFile(name)
	if err != nil && (c.File != "" || !errors.Is(err, fs.ErrNotExist)) {
		return "", fmt.Errorf("read the manifest: %w", err)
	}
	return string(text), nil
}
