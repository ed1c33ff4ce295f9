package assign_test

import (
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// What somebody saves has no member that clients would pass over.
func TestCheckRules(t *testing.T) {
	for rules, says := range map[string]string{
		`[{"condishon":{"a":1},"force":true}]`:                                              `rules[0].condishon: a rule has no condishon; did you mean condition?`,
		`[{"force":1},{"covrage":0.1,"force":true}]`:                                        `rules[1].covrage: a rule has no covrage; did you mean coverage?`,
		`[{"Force":true}]`:                                                                  `did you mean force?`,
		`[{"force":true,"enabled":false}]`:                                                  `rules[0].enabled: a rule has no enabled`,
		`[{"force":1,"parentConditions":[{"id":"x","gat":true}]}]`:                          `rules[0].parentConditions[0].gat: a prerequisite has no gat; did you mean gate?`,
		`[{"force":1,"filters":[{"seed":"s","range":[[0,1]]}]}]`:                            `did you mean ranges?`,
		`[{"variations":[1,2],"meta":[{"key":"a","passthrogh":true},{}]}]`:                  `did you mean passthrough?`,
		`[{"condition":{"$or":[{"$savedGroup":{"id":"a","attributekey":"b"}}]},"force":1}]`: `rules[0].condition.$or[0].$savedGroup.attributekey: a saved group has no attributekey; did you mean attributeKey?`,
		`[{"force":1,"hashVersion":3}]`:                                                     `rules[0].hashVersion: there are hashVersion 1 and 2`,
		`[{"force":1,"hashVersion":0}]`:                                                     `nobody is placed by 0`,
		`[{"force":1,"filters":[{"seed":"s","ranges":[],"hashVersion":1.5}]}]`:              `nobody is placed by 1.5`,
		`[{"condition":{"$not":{"tags":{"$size":-1}}},"force":1}]`:                          `rules[0].condition.$not.tags.$size: no list has -1 elements`,
		`[{"id":"a","force":1},{"force":2},{"id":"a","force":3}]`:                           `rules[2].id: rules[0] has the id a, too`,

		`[{"id":"","condition":{"condishon":{"$size":{"$gt":-1}},"id":7},"force":1,"hashVersion":2,"description":"for DK"},{"id":"","force":2}]`: "",
		`[{"key":"x","variations":[1,2],"weights":[0.5,0.5],"meta":[{"key":"a","name":"A"}],"name":"X","phase":"0","seed":"s"}]`:                 "",
		`{"not": "rules"}`: "",
		`[{"force":`:       "",
	} {
		f := assign.CheckRules(rules)
		if (f.Count > 0) != (says != "") || !strings.Contains(f.Error(), says) {
			t.Errorf("%s: %q, not %q", rules, f.Error(), says)
		}
	}
}
