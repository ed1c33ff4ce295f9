package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/shadow"
)

// Deploys says where past deploys are written down. One of the three is named, or none where the log itself names releases.
type Deploys struct {
	CSV         string // a file of time,release[,host]
	Tags        string // a git repository, of which the tags that Match matches are taken
	Match       string
	Webhooks    string // a file of bodies of webhooks
	Environment string // of those
}

// Read reads them; nil where none was named.
func (d Deploys) Read(ctx context.Context) ([]shadow.Deploy, error) {
	named := 0
	for _, source := range []string{d.CSV, d.Tags, d.Webhooks} {
		if source != "" {
			named++
		}
	}
	switch {
	case named > 1:
		return nil, errors.New("name one of --deploys, --git-tags and --webhooks")
	case d.Tags != "":
		return Tags(ctx, d.Tags, d.Match)
	case d.CSV != "":
		return opened(d.CSV, shadow.ReadCSV)
	case d.Webhooks != "":
		return opened(d.Webhooks, func(r io.Reader) ([]shadow.Deploy, error) { return shadow.ReadWebhooks(r, d.Environment) })
	}
	return nil, nil
}

func opened(name string, read func(io.Reader) ([]shadow.Deploy, error)) ([]shadow.Deploy, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the deploys in %s: %w", name, plain(err))
	}
	defer func() { _ = f.Close() }()
	all, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("the deploys in %s cannot be read:\n%w", name, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there are no deploys in %s", name)
	}
	return all, nil
}

// When reads a moment: 2026-11-29T14:03:00Z, 2026-11-29 (in UTC), or how long ago it is: 7d, 36h. The zero time for nothing.
func When(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n >= 0 && n < 10_000 {
			return now.Add(-time.Duration(n * 24 * float64(time.Hour))), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q is no moment: write 2026-11-29T14:03:00Z, 2026-11-29, or how long ago: 7d, 36h", text)
}
