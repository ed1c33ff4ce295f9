package scaffold

import (
	"regexp"
	"strings"
)

// lookMakefile offers make test and make dist where nothing better was found.
func lookMakefile(r *repository, p *plan) {
	targets := make(map[string]bool)
	rule := regexp.MustCompile(`^([A-Za-z0-9_.-]+(?:\s+[A-Za-z0-9_.-]+)*)\s*:(?:[^=]|$)`)
	for _, name := range []string{"GNUmakefile", "makefile", "Makefile"} {
		for _, line := range r.lines(name) {
			if match := rule.FindStringSubmatch(line); match != nil {
				for target := range strings.FieldsSeq(match[1]) {
					targets[target] = true
				}
			}
		}
		if len(targets) > 0 {
			break // make itself reads the first of them only
		}
	}
	switch {
	case targets["test"] && len(p.tests) == 0:
		p.tests = append(p.tests, testPlan{name: "make", run: "make test", format: "exit", notes: []string{
			"one unit; a list: command would let it run on several workers"}})
		p.found("Makefile", "make test is run as one unit")
	case targets["test"]:
		p.tests[0].notes = append(p.tests[0].notes, "the Makefile has a target test: if it does more than this, use run: make test")
		p.guess("Makefile", "its target test does no more than the tests above")
	}
	switch {
	case targets["dist"] && p.pkg == nil:
		p.pkg = &packagePlan{run: "make dist", path: "dist", notes: []string{"a guess: make dist leaves its result in dist"}}
		p.guess("Makefile", "make dist leaves the release in dist")
	case targets["dist"]:
		p.pkg.notes = append(p.pkg.notes, "the Makefile has a target dist: if it makes the release, use run: make dist")
		p.guess("Makefile", "its target dist is not what makes the release")
	}
}

// lookDockerfile says what a Dockerfile is good for here.
func lookDockerfile(r *repository, p *plan) {
	for _, line := range r.lines("Dockerfile") {
		words := strings.Fields(line)
		if len(words) > 1 && (strings.EqualFold(words[0], "CMD") || strings.EqualFold(words[0], "ENTRYPOINT")) {
			p.found("Dockerfile", "it is not used, for processes run without a container; it starts: %.200q", strings.Join(words[1:], " "))
			return
		}
	}
	if r.has("Dockerfile") {
		p.found("Dockerfile", "it is not used, for processes run without a container")
	}
}
