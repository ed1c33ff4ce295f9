package scaffold

import "strings"

// lookPython proposes pytest, and a release with its packages beside it.
func lookPython(r *repository, p *plan) {
	requirements, project := r.read("requirements.txt"), r.read("pyproject.toml")
	if requirements == "" && project == "" {
		return
	}
	file, what := "requirements.txt", "-r requirements.txt"
	if requirements == "" {
		file, what = "pyproject.toml", "."
	}
	usesPytest := r.has("pytest.ini") || r.has("conftest.py") || r.has("tests/conftest.py") ||
		strings.Contains(requirements+project+r.read("requirements-dev.txt"), "pytest")
	if usesPytest {
		if r.has("requirements-dev.txt") {
			what += " -r requirements-dev.txt"
		}
		p.tests = append(p.tests, testPlan{
			name: "pytest", format: "junit", report: "report.xml",
			run:   "python3 -m venv .venv && .venv/bin/pip install -q " + what + " pytest && .venv/bin/python -m pytest --junit-xml=report.xml",
			notes: []string{"a guess: these packages are all the tests need"},
		})
		p.guess(file, "pytest is run as one unit")
	} else {
		p.found(file, "no pytest was found, so that no Python tests are run")
	}
	if p.pkg != nil || !r.has("Procfile") {
		if p.pkg == nil {
			p.found(file, "there is no Procfile that says how the program is started")
		}
		return
	}
	install := strings.TrimSuffix(what, " -r requirements-dev.txt")
	p.pkg = &packagePlan{run: "python3 -m pip install -q --target packages " + install, path: ".", notes: []string{
		"a guess: hosts have the same Python as workers; packages are installed into the folder packages"}}
	p.guess(file, "packages are installed into the release, for the same Python on workers and hosts")
	p.prefix = `export PYTHONPATH=packages PATH="$PWD/packages/bin:$PATH"; exec `
}
