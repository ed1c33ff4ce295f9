package assign_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/assign"
	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
)

// What the reference shows can be saved, its numbers are those of the code, and it has every operator.
func TestReference(t *testing.T) {
	data, err := os.ReadFile("../../../docs/reference/flag-rules.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	shown := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(shown) != 2 {
		t.Errorf("%d payloads are shown", len(shown))
	}
	for _, one := range shown {
		if _, err := assign.Compile([]byte(one[1]), assign.Options{Strict: true}); err != nil {
			t.Error(err)
		}
	}
	for text, same := range map[string]bool{
		"64 MB": assign.MaxBytes == 64<<20, "256 bytes": assign.MaxName == 256, "50 levels deep, 10,000 tests": condition.MaxNested == 50 && condition.MaxNodes == 10_000,
		"1,000 bytes, 5,000 steps": condition.MaxPattern == 1000 && condition.MaxSteps == 5000, "200,000 steps": condition.MaxAllSteps == 200_000,
		"1,000 entries": assign.MaxList == 1000, "50 levels deep, and none": assign.MaxParents == 50 && condition.MaxGroups == 50,
	} {
		if !strings.Contains(page, text) || !same {
			t.Errorf("%s: on the page %v, in the code %v", text, strings.Contains(page, text), same)
		}
	}
	_, err = assign.Compile([]byte(rules(`{"force":1,"condition":{"a":{"$none":1}}}`)), assign.Options{Strict: true})
	if err == nil {
		t.Fatal("an operator that is none")
	}
	for _, op := range regexp.MustCompile(`\$[a-zA-Z]+`).FindAllString(strings.SplitN(err.Error(), "there are", 2)[1], -1) {
		if !strings.Contains(page, "`"+op+"`") {
			t.Errorf("%s is not on the page", op)
		}
	}
	for _, field := range regexp.MustCompile("(?m)^\\| (`[^|]+) \\|").FindAllStringSubmatch(page[strings.Index(page, "## What a rule"):strings.Index(page, "## Conditions")], -1) {
		for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(field[1], -1) {
			if r := rules(`{"force":1,"` + name[1] + `":0.5e999}`); name[1] != "force" {
				if _, err := assign.Compile([]byte(r), assign.Options{Strict: true}); err == nil {
					t.Errorf("%s is on the page, and may be anything", name[1])
				}
			}
		}
	}
}
