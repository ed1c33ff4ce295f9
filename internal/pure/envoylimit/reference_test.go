package envoylimit_test

import (
	"os"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/envoylimit"
)

// The file that the reference shows is one that is read, and means what the page says of it.
func TestTheFileOfTheReference(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/envoy-limits.md")
	if err != nil {
		t.Fatal(err)
	}
	_, file, ok := strings.Cut(string(page), "```yaml\ndomain: shop\n")
	file, _, _ = strings.Cut(file, "```")
	if !ok {
		t.Fatal("the page shows no file")
	}
	c, problems := envoylimit.Read("shop", "production", []byte("domain: shop\n"+file))
	if problems != nil {
		t.Fatal(problems)
	}
	m := c.Match([]envoylimit.Entry{{"plan", "free"}, {"user", "ana"}})
	for _, said := range []string{m.Group, m.Limit.Group} {
		if !strings.Contains(string(page), "`"+said+"`") {
			t.Errorf("the page does not name %s", said)
		}
	}
	if l := c.Find("shop::api").Rule; l.Limit.Burst != 20 || l.Window().Minutes() != 5 {
		t.Errorf("%+v", l.Limit)
	}
	for _, key := range []string{
		"domain", "descriptors", "key", "value", "rate_limit", "shadow_mode", "quota_mode", "share_threshold", "detailed_metric", "value_to_metric", "metadata",
		"unit", "requests_per_unit", "unlimited", "name", "replaces", "rolling", "burst", "unit_multiplier", "near_limit", "response_headers",
	} {
		if !strings.Contains(string(page), "`"+key) {
			t.Errorf("the page does not name %s", key)
		}
	}
}
