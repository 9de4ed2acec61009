package alert

import "github.com/incidentkit/incidentkit/internal/limit"

// Limits of what an alert holds; they are this library's. Every storage refuses more, see [Alert.CheckLimits]; alerts
// that are ingested or imported are made to fit, see [Alert.Fit]. Real data is smaller: a command line of Windows has
// at most 32,767 characters, the subject of a mail seldom more than 998, and a URL some thousand.
const (
	MaxID       = limit.ID // 1,024 bytes of an identifier: of an alert, incident, entry, item, command or actor
	MaxTitle    = 1_000    // code points of a title
	MaxText     = 30_000   // code points of a description and of recommended actions
	MaxValue    = 32_768   // code points of a URL, of remediation details and of each text of an entity
	MaxShort    = 1_000    // code points of every other text: a category, a technique, a tag, a role, a name
	MaxList     = 1_000    // texts in a list: techniques, tags and roles
	MaxEvidence = 10_000   // pieces of evidence
	MaxExtra    = 1 << 20  // bytes of Extra, and of the Fields of an [Other]
	MaxDepth    = 500      // levels of lists and objects in them
	MaxAlert    = 32 << 20 // bytes of all texts of an alert together, of which 4 MiB are for what is added here
)
