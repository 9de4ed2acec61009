package house_test

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/incidentkit/incidentkit"

// layers says what each package stands on. A package may import what it stands
// on and everything below that, so the table is also the picture of the
// architecture. Folders are relative to the root of the repository.
var layers = map[string][]string{
	"":                     nil, // doc.go alone
	"internal/enum":        nil,
	"internal/invalid":     nil,
	"internal/canonical":   nil,
	"internal/glyph":       nil,
	"internal/limit":       nil,
	"internal/jsonl":       nil,
	"internal/jsonitem":    nil,
	"internal/instant":     nil,
	"classification":       {"internal/enum", "internal/invalid", "internal/limit"},
	"alert/attack":         {"alert"},
	"alert/mapping":        {"alert", "internal/instant", "internal/jsonitem"},
	"alert":                {"classification", "internal/canonical", "internal/glyph"},
	"activity":             {"alert"},
	"incident":             {"activity"},
	"incident/intake":      {"alert/mapping", "incident", "incident/msgraph", "incident/sentinel"},
	"incident/msgraph":     {"incident", "internal/instant", "internal/jsonitem"},
	"incident/sentinel":    {"incident", "internal/instant", "internal/jsonitem"},
	"storage":              {"incident"},
	"storage/driver":       {"storage"},
	"storage/memory":       {"storage/driver"},
	"storage/sqlite":       {"storage/driver"}, // a module of its own
	"storage/storagetest":  {"storage/driver"},
	"storage/postgres":     {"storage/driver"},
	"incident/correlation": {"storage"},
	"incident/manager":     {"incident/correlation"},
	"incident/metrics":     {"storage"},

	"incident/incidenttest":         {"incident/incidenttest/measure"},
	"incident/incidenttest/measure": {"incident/manager", "storage/memory", "alert/attack", "internal/jsonl"},

	"export/internal/pdf":        {"export/internal/doc", "internal/glyph"},
	"export/internal/doc":        {"export/internal/figure"},
	"export/internal/words":      {"incident", "export/internal/doc", "internal/glyph"},
	"export/internal/picture":    {"incident", "export/internal/doc"},
	"export/internal/commonmark": {"export/internal/words"},
	"export/internal/topdf":      {"export/internal/pdf", "export/internal/picture", "export/internal/commonmark"},
	"export/internal/tohtml":     {"export/internal/pdf", "export/internal/picture", "export/internal/commonmark"},
	"export/internal/tomarkdown": {"export/internal/words"},
	"export": {
		"storage", "alert/attack", "incident/metrics", "export/internal/topdf", "export/internal/tohtml", "export/internal/tomarkdown",
	},
	"export/fonts/cjk":  nil, // a module of its own
	"internal/house":    nil,
	"internal/socday":   {"storage"},                            // nothing stands on it: tests alone import it
	"internal/phrase":   nil,                                    // for tests of errors
	"internal/pgserver": nil,                                    // for tests of storages, and examples
	"internal/anyday":   {"incident/manager", "storage/memory"}, // the same
	"internal/managers": {"incident/manager"},                   // the same

	"export/internal/figure": nil,
}

// undivided are the public packages whose comment needs no headed section,
// because there is nothing in them to call.
var undivided = []string{"", "examples"}

// kits are packages that only tests import: they may start goroutines, panic, write to os.Stderr and
// import testing, and they link the standard library and this module alone.
var kits = []string{"storage/storagetest", "incident/incidenttest"}

// outside are the modules outside of the workspace, because one that they need may become unavailable. Each has a
// step of its own in the gate.
var outside = []string{"examples/sigma"}

// scaffolds are packages that tests stand on: what holds for a test file
// holds for theirs.
var scaffolds = []string{"internal/anyday", "internal/managers", "internal/pgserver"}

// confined are the outside packages that may not be imported from just
// anywhere. A path also stands for the packages below it.
var confined = []struct {
	path  string
	dirs  []string // folders whose files may import it
	tests bool     // may be imported by every test file
}{
	{path: "github.com/go-pdf/fpdf", dirs: []string{"export/internal/pdf"}},
	{path: "github.com/tidwall/btree", dirs: []string{"storage/memory"}},
	{path: "github.com/yuin/goldmark", dirs: []string{
		"export/internal/commonmark", "export/internal/doc", "export/internal/tohtml", "export/internal/topdf",
	}},
	{path: "github.com/jackc/pgx", dirs: []string{"storage/postgres"}},
	{path: "modernc.org/sqlite", dirs: []string{"storage/sqlite"}},
	{path: "github.com/stretchr/testify", tests: true},
	{path: "pgregory.net/rapid", tests: true},
	{path: "testing", tests: true, dirs: kits},
}

// forbidden names of other packages. Library code is what is neither a test
// nor an example; everywhere is everything.
var forbidden = []struct {
	path, names string
	everywhere  bool
	why         string
	kits        bool // may use them
}{
	{"time", `Sleep`, true, "wait on a channel, a context or testing/synctest", false},
	{"time", `Local|LoadLocation`, false, "times are UTC, zones belong to the caller", false},
	{"os", `Getenv|LookupEnv|Environ|ExpandEnv`, false, "the caller hands settings over", false},
	{"os", `Exit|Stdout|Stdin`, false, "the process belongs to the caller", false},
	{"os", `Stderr`, false, "the process belongs to the caller", true},
	{"fmt", `Print|Printf|Println`, false, "the process belongs to the caller", false},
	{"log", `(Print|Fatal|Panic|Set).*|Default|Output|Writer`, false, "return an error or take a *slog.Logger", false},
	{
		"log/slog", `(Debug|Info|Warn|Error)(Context)?|Log|LogAttrs|With|Default|SetDefault`, false,
		"take a *slog.Logger", false,
	},
}

// keysIn are the files and folders in which library code may compute the keys
// of alerts. What stands between them is given the keys: on the way of an
// alert from the manager to the index of a storage they are computed once.
var keysIn = []string{
	"alert",                      // which knows how, and filters alerts
	"export",                     // reports
	"incident/incidenttest",      // the test kit, which asks about stored alerts
	"storage/storagetest",        // the suite
	"incident/manager/create.go", // of alerts that come in: here they are computed
	"incident/summary.go",        // of alerts that are there, and of those without given keys
	"incident/repeat.go",         // of an alert that is there, and of what came of it
	"incident/move.go",           // of alerts that are there
	"incident/similar.go",        // likewise
	"incident/merge.go",          // likewise
	"incident/update.go",         // likewise
	"incident/query.go",          // filters
	"incident/tagrules.go",       // of a single alert, for TagRules.Apply
	"storage/driver/check.go",    // where the Changeset has none
	"storage/memory/alerts.go",   // likewise, of a new version with other evidence
	"storage/sqlite/write.go",    // of the version before, where evidence is another
	"storage/sqlite/rekey.go",    // of all alerts, in a migration

	"storage/postgres/migrate.go", // likewise
	"incident/sentinel/alert.go",  // of entities that stand inside others

	"incident/incidenttest/measure", // of labelled alerts
}

// immutable are packages whose functions, called as the initialiser of a
// variable, give a value that nobody can change afterwards.
var immutable = []string{
	"encoding/base32", "encoding/base64", "hash/crc32", "html/template", "net/netip",
	"reflect", "regexp", "strings", "text/template", "time",
}

// rules are what TestHouse holds. A rule stands in the file of its subject, beside the faults that TestRules plants
// for it.
var rules = slices.Concat(layerRules, commentRules, stateRules, callRules, sqlRules)

// A rule looks at the repository and answers with what breaks it, as
// "file:line: what".
type rule struct {
	name   string
	check  func(repo) []string
	faults []fault
}

// TestHouse holds the repository against each rule.
func TestHouse(t *testing.T) {
	r, err := read(os.DirFS("../.."))
	require.NoError(t, err)
	require.NotEmpty(t, r.packages, "no Go file found from the root of the repository")
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, broken := range rule.check(r) {
				t.Error(broken)
			}
		})
	}
}
