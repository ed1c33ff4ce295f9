package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slipwayhq/slipway/internal/cli/credentials"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/scaffold"
)

type initCmd struct {
	Dir   string `arg:"" optional:"" help:"The repository." default:"." type:"path"`
	Force bool   `help:"Replace a .slipway.yaml that is there."`
}

func (c *initCmd) Run(p *program) error {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fault.NotFound("%s is not a folder", c.Dir)
	}
	path := filepath.Join(dir, manifestName)
	if _, err := os.Lstat(path); err == nil && !c.Force {
		return fault.Conflict("%s is there already; edit it, or replace it with: slipway init --force", path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for %s: %w", path, err)
	}
	draft, err := scaffold.Look(os.DirFS(dir), filepath.Base(dir))
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(draft.Manifest), 0o644); err != nil { // it is for the repository
		return fmt.Errorf("write the manifest: %w", err)
	}
	p.say("Wrote %s. What was found:", path)
	for _, f := range draft.Findings {
		p.say("  - %s", f)
	}
	m, problems := manifest.Parse([]byte(draft.Manifest))
	if problems != nil {
		return problems
	}
	c.next(p, dir, m.App)
	return nil
}

// next says how to go on from here.
func (c *initCmd) next(p *program, dir, app string) {
	address := localURL
	if book, err := credentials.Read(); err == nil && book.Last != "" {
		address = book.Last
	}
	if given := os.Getenv("SLIPWAY_URL"); given != "" {
		address = given
	}
	p.say("\nLook it over, then:")
	what := manifestName
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		what = "-A"
		p.say("  git init -b main")
	}
	p.say("  git add %s && git commit -m \"Ship with Slipway\"", what)
	p.say("  git remote add slipway %s/git/%s.git", address, app)
	p.say("  git push slipway main")
	p.say("The first push makes the app. git asks for a user name (any) and a password (your token).")
}
