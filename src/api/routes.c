/* Every route, once: what the server answers and what the OpenAPI document says. */
#include "api/api_internal.h"

#define WS "/api/v1/workspaces/{ws}"
#define PROFILES WS "/profiles"
#define SPACE "/v1/spaces/{ws}/collections/users/profiles/{identifier}"

/* Columns: method, path, operation, summary, scope, slow, handler, query parameters, schema of the
 * body, schema of the answer (names in openapi.json; NULL = none), status, type if not JSON. */
const struct kn_api_route kn_api_routes[] = {
    /* First what is asked most. */
    {"GET", PROFILES, "findProfiles",
     "Look up by any identifier, search with q, select with query, or list", KN_SCOPE_PERSONAL,
     false, kn_get_profiles, "identifier q query sort fields purpose limit cursor after", NULL,
     "ProfileOrList", 200, NULL},
    {"GET", PROFILES "/{id}", "getProfile", "A profile; a merged id answers with the survivor",
     KN_SCOPE_PERSONAL, false, kn_get_profile, "after", NULL, "Profile", 200, NULL},
    {"POST", PROFILES "/lookup", "lookupProfile", "Look up without a value in the URL",
     KN_SCOPE_PERSONAL, false, kn_lookup_profile, "after", "Identifier", "Profile", 200, NULL},
    {"POST", PROFILES "/merge", "mergeProfiles", "Join two profiles", KN_SCOPE_PERSONAL, true,
     kn_post_merge, "dry_run after", "MergeRequest", "Profile", 200, NULL},
    {"GET", PROFILES "/{id}/events", "listProfileEvents", "Its events, newest first",
     KN_SCOPE_PERSONAL, true, kn_get_profile_events, "event type from to limit cursor after", NULL,
     "EventList", 200, NULL},
    {"GET", PROFILES "/{id}/sessions", "listProfileSessions",
     "Its sessions and how each began, newest first", KN_SCOPE_PERSONAL, true,
     kn_get_profile_sessions, "limit cursor after", NULL, "SessionList", 200, NULL},
    {"GET", PROFILES "/{id}/orders", "listProfileOrders",
     "Its orders, newest first; each once, whoever reported it", KN_SCOPE_PERSONAL, true,
     kn_get_profile_orders, "limit cursor after", NULL, "OrderList", 200, NULL},
    {"GET", PROFILES "/{id}/links", "listProfileLinks", "Why its identifiers are one person",
     KN_SCOPE_PERSONAL, true, kn_get_profile_links, "limit cursor after", NULL, "LinkList", 200,
     NULL},
    {"GET", PROFILES "/{id}/traits", "listProfileTraits",
     "Its traits, each with the time and the source that said so", KN_SCOPE_PERSONAL, false,
     kn_get_profile_traits, "after", NULL, "TraitList", 200, NULL},
    {"PATCH", PROFILES "/{id}/traits", "correctProfileTraits",
     "Correct traits (null takes one away); a later message of a source may change them again",
     KN_SCOPE_PERSONAL, true, kn_patch_profile_traits, "after", "TraitCorrection", "Profile", 200,
     NULL},
    {"GET", PROFILES "/{id}/favourites", "getProfileFavourites",
     "Its favourite brands and categories: points halve every 30 days", KN_SCOPE_PERSONAL, true,
     kn_get_profile_favourites, "after", NULL, "FavouriteList", 200, NULL},
    {"POST", PROFILES "/{id}/notes", "addProfileNote",
     "Write a note; it stands in the timeline (type=note)", KN_SCOPE_PERSONAL, true,
     kn_post_profile_note, "after", "ProfileNoteRequest", "Profile", 200, NULL},
    {"POST", PROFILES "/{id}/unmerge", "unmergeProfile", "Split identifiers off", KN_SCOPE_PERSONAL,
     true, kn_post_unmerge, "dry_run after", "UnmergeRequest", "UnmergeResult", 200, NULL},
    {"GET", PROFILES "/{id}/consents", "listProfileConsents",
     "Every choice it ever made, newest first; those of one message stay together",
     KN_SCOPE_PERSONAL, true, kn_get_profile_consents, "limit cursor after", NULL, "ConsentList",
     200, NULL},
    {"POST", PROFILES "/{id}/consents", "addConsents", "Record consents", KN_SCOPE_PERSONAL, true,
     kn_post_consents, "after", "ConsentRequest", "Profile", 200, NULL},
    {"DELETE", PROFILES "/{id}", "eraseProfile",
     "Erase a person: nobody reads it from now on, the bytes follow within the bound",
     KN_SCOPE_ADMIN, false, kn_delete_profile, "", NULL, "Erasure", 202, NULL},
    {"GET", WS "/erasures", "listErasures", "Erasures that wait for their bytes, oldest first",
     KN_SCOPE_PERSONAL, false, kn_get_erasures, "after", NULL, "ErasureList", 200, NULL},
    {"POST", WS "/erasures", "erasePerson", "Erase whoever has an identifier", KN_SCOPE_ADMIN,
     false, kn_post_erasure, "", "ErasureRequest", "Erasure", 202, NULL},
    {"GET", WS "/erasures/{id}", "getErasure", "An erasure: its state, deadline and receipt",
     KN_SCOPE_PERSONAL, false, kn_get_erasure, "after", NULL, "Erasure", 200, NULL},

    {"GET", WS "/sources", "listSources", "Sources", KN_SCOPE_READ, true, kn_get_sources,
     "limit cursor after", NULL, "SourceList", 200, NULL},
    {"POST", WS "/sources", "createSource", "Make a source", KN_SCOPE_SOURCES, true, kn_post_source,
     "", "SourceRequest", "Source", 201, NULL},
    {"GET", WS "/sources/{id}", "getSource", "A source", KN_SCOPE_READ, true, kn_get_source,
     "after", NULL, "Source", 200, NULL},
    {"PATCH", WS "/sources/{id}", "changeSource", "Change a source", KN_SCOPE_SOURCES, true,
     kn_patch_source, "", "SourceRequest", "Source", 200, NULL},
    {"DELETE", WS "/sources/{id}", "deleteSource", "Remove a source; its events stay",
     KN_SCOPE_SOURCES, true, kn_delete_source, "", NULL, NULL, 204, NULL},
    {"POST", WS "/sources/{id}/keys", "addSourceKey", "Add a write key", KN_SCOPE_SOURCES, true,
     kn_post_source_key, "", "KeyRequest", "Source", 201, NULL},
    {"DELETE", WS "/sources/{id}/keys/{key}", "deleteSourceKey", "Remove a write key",
     KN_SCOPE_SOURCES, true, kn_delete_source_key, "", NULL, "Source", 200, NULL},
    {"GET", WS "/sources/{id}/rejects", "listRejects", "What it sent that was refused (7 days)",
     KN_SCOPE_SOURCES, true, kn_get_rejects, "limit cursor after", NULL, "RejectList", 200, NULL},
    {"GET", WS "/sources/{id}/arrivals", "listArrivals",
     "The last 100 it sent since Kern started, newest first: accepted, duplicate or refused",
     KN_SCOPE_SOURCES, true, kn_get_arrivals, "since limit after", NULL, "ArrivalList", 200, NULL},
    {"GET", WS "/destinations", "listDestinations", "Where entries and exits of segments are sent",
     KN_SCOPE_SEGMENTS, true, kn_get_destinations, "after", NULL, "DestinationList", 200, NULL},
    {"POST", WS "/destinations", "createDestination",
     "Make a destination (at most 50); its secret is shown once", KN_SCOPE_EXPORT, true,
     kn_post_destination, "", "DestinationRequest", "Destination", 201, NULL},
    {"GET", WS "/destinations/{id}", "getDestination",
     "A destination, with what became of what was sent", KN_SCOPE_SEGMENTS, true,
     kn_get_destination, "after", NULL, "Destination", 200, NULL},
    {"PATCH", WS "/destinations/{id}", "changeDestination",
     "Change a destination; what waits is tried again at once", KN_SCOPE_EXPORT, true,
     kn_patch_destination, "", "DestinationChange", "Destination", 200, NULL},
    {"DELETE", WS "/destinations/{id}", "deleteDestination",
     "Remove a destination and what waits for it", KN_SCOPE_EXPORT, true, kn_delete_destination, "",
     NULL, NULL, 204, NULL},
    {"POST", WS "/destinations/{id}/secret", "rotateDestinationSecret",
     "A new secret, shown once; for a day calls are signed with the one before too",
     KN_SCOPE_EXPORT, true, kn_post_destination_secret, "", NULL, "Destination", 200, NULL},
    {"POST", WS "/destinations/{id}/test", "testDestination",
     "One signed call that says it is a test", KN_SCOPE_EXPORT, true, kn_post_destination_test, "",
     NULL, "DestinationTest", 200, NULL},
    {"GET", WS "/destinations/{id}/dead-letters", "listDeadLetters",
     "What was given up, newest first (the last 1,000 are kept)", KN_SCOPE_PERSONAL, true,
     kn_get_dead_letters, "limit cursor after", NULL, "DeadLetterList", 200, NULL},
    {"POST", WS "/destinations/{id}/dead-letters/resend", "resendDeadLetters",
     "Send dead letters again, some or all", KN_SCOPE_EXPORT, true, kn_post_resend, "",
     "ResendRequest", "ResendResult", 200, NULL},
    {"GET", WS "/identity", "getIdentity", "Identity rules", KN_SCOPE_READ, true, kn_get_identity,
     "after", NULL, "Identity", 200, NULL},
    {"PUT", WS "/identity", "setIdentity", "Set identity rules", KN_SCOPE_ADMIN, true,
     kn_put_identity, "", "Identity", "Identity", 200, NULL},

    {"POST", WS "/query/parse", "parseQuery", "A query's text as a tree, and its canonical text",
     KN_SCOPE_READ, false, kn_post_query_parse, "", "QueryText", "QueryParsed", 200, NULL},
    {"POST", WS "/query/format", "formatQuery", "A tree as a query's text", KN_SCOPE_READ, false,
     kn_post_query_format, "", "QueryTree", "QueryText", 200, NULL},
    {"POST", WS "/reports/funnel", "reportFunnel", "Funnel: who gets how far, in order and in time",
     KN_SCOPE_READ, true, kn_post_funnel, "after", "FunnelRequest", "FunnelReport", 200, NULL},
    {"POST", WS "/reports/funnel/profiles", "reportFunnelProfiles",
     "The profiles behind a number of it", KN_SCOPE_PERSONAL, true, kn_post_funnel_profiles,
     "limit cursor after", "FunnelRequest", "ReportProfiles", 200, NULL},
    {"POST", WS "/reports/retention", "reportRetention", "Retention: who comes back, by cohort",
     KN_SCOPE_READ, true, kn_post_retention, "after", "RetentionRequest", "RetentionReport", 200,
     NULL},
    {"POST", WS "/reports/retention/profiles", "reportRetentionProfiles",
     "The profiles behind a number of it", KN_SCOPE_PERSONAL, true, kn_post_retention_profiles,
     "limit cursor after", "RetentionRequest", "ReportProfiles", 200, NULL},
    {"POST", WS "/reports/series", "reportSeries", "Numbers over time", KN_SCOPE_READ, true,
     kn_post_series, "after", "SeriesRequest", "SeriesReport", 200, NULL},
    {"POST", WS "/reports/series/profiles", "reportSeriesProfiles",
     "The profiles behind a number of it", KN_SCOPE_PERSONAL, true, kn_post_series_profiles,
     "limit cursor after", "SeriesRequest", "ReportProfiles", 200, NULL},
    {"POST", WS "/reports/paths", "reportPaths", "The most frequent sequences of events",
     KN_SCOPE_READ, true, kn_post_paths, "after", "PathsRequest", "PathsReport", 200, NULL},
    {"POST", WS "/reports/paths/profiles", "reportPathsProfiles",
     "The profiles behind a number of it", KN_SCOPE_PERSONAL, true, kn_post_paths_profiles,
     "limit cursor after", "PathsRequest", "ReportProfiles", 200, NULL},
    {"POST", WS "/reports/overlap", "reportOverlap", "How up to three segments overlap",
     KN_SCOPE_READ, true, kn_post_overlap, "after", "OverlapRequest", "OverlapReport", 200, NULL},
    {"POST", WS "/reports/overlap/profiles", "reportOverlapProfiles",
     "The profiles behind a number of it", KN_SCOPE_PERSONAL, true, kn_post_overlap_profiles,
     "limit cursor after", "OverlapRequest", "ReportProfiles", 200, NULL},
    {"POST", WS "/reports/compare", "reportCompare", "A segment against everyone", KN_SCOPE_READ,
     true, kn_post_compare, "after", "CompareRequest", "CompareReport", 200, NULL},
    {"POST", WS "/reports/compare/profiles", "reportCompareProfiles",
     "The profiles behind a number of it", KN_SCOPE_PERSONAL, true, kn_post_compare_profiles,
     "limit cursor after", "CompareRequest", "ReportProfiles", 200, NULL},
    {"POST", WS "/reports/rfm", "reportRfm", "Customers by recency, frequency and monetary value",
     KN_SCOPE_READ, true, kn_post_rfm, "after", "CustomerGroupsRequest", "CustomerGroups", 200,
     NULL},
    {"POST", WS "/reports/rfm/profiles", "reportRfmProfiles", "The profiles behind a number of it",
     KN_SCOPE_PERSONAL, true, kn_post_rfm_profiles, "limit cursor after", "CustomerGroupsRequest",
     "ReportProfiles", 200, NULL},
    {"POST", WS "/reports/grid", "reportGrid",
     "Customers by number of orders and time since the last", KN_SCOPE_READ, true, kn_post_grid,
     "after", "CustomerGroupsRequest", "CustomerGroups", 200, NULL},
    {"POST", WS "/reports/grid/profiles", "reportGridProfiles",
     "The profiles behind a number of it", KN_SCOPE_PERSONAL, true, kn_post_grid_profiles,
     "limit cursor after", "CustomerGroupsRequest", "ReportProfiles", 200, NULL},
    {"POST", WS "/reports/phases", "reportPhases", "Everyone by customer phase", KN_SCOPE_READ,
     true, kn_post_phase_groups, "after", "CustomerGroupsRequest", "CustomerGroups", 200, NULL},
    {"POST", WS "/reports/phases/profiles", "reportPhasesProfiles",
     "The profiles behind a number of it", KN_SCOPE_PERSONAL, true, kn_post_phase_groups_profiles,
     "limit cursor after", "CustomerGroupsRequest", "ReportProfiles", 200, NULL},
    {"POST", WS "/reports/favourites", "reportFavourites", "Favourite brands or categories",
     KN_SCOPE_READ, true, kn_post_favourites, "after", "FavouritesRequest", "FavouritesReport", 200,
     NULL},
    {"POST", WS "/reports/favourites/profiles", "reportFavouritesProfiles",
     "The profiles behind a number of it", KN_SCOPE_PERSONAL, true, kn_post_favourites_profiles,
     "limit cursor after", "FavouritesRequest", "ReportProfiles", 200, NULL},
    {"GET", WS "/reports/saved", "listSavedReports", "Saved reports", KN_SCOPE_READ, true,
     kn_get_documents, "limit cursor after", NULL, "SavedReportList", 200, NULL},
    {"POST", WS "/reports/saved", "createSavedReport", "Save a report", KN_SCOPE_SEGMENTS, true,
     kn_post_document, "", "SavedReportRequest", "SavedReport", 201, NULL},
    {"GET", WS "/reports/saved/{id}", "getSavedReport", "A report", KN_SCOPE_READ, true,
     kn_get_document, "after", NULL, "SavedReport", 200, NULL},
    {"PUT", WS "/reports/saved/{id}", "changeSavedReport",
     "Change a report; names the version it was made from", KN_SCOPE_SEGMENTS, true,
     kn_put_document, "", "SavedReportRequest", "SavedReport", 200, NULL},
    {"DELETE", WS "/reports/saved/{id}", "deleteSavedReport", "Take a report away",
     KN_SCOPE_SEGMENTS, true, kn_delete_document, "", NULL, NULL, 204, NULL},
    {"GET", WS "/dashboards", "listDashboards", "Dashboards of saved reports", KN_SCOPE_READ, true,
     kn_get_documents, "limit cursor after", NULL, "DashboardList", 200, NULL},
    {"POST", WS "/dashboards", "createDashboard", "Make a dashboard", KN_SCOPE_SEGMENTS, true,
     kn_post_document, "", "DashboardRequest", "Dashboard", 201, NULL},
    {"GET", WS "/dashboards/{id}", "getDashboard", "A dashboard", KN_SCOPE_READ, true,
     kn_get_document, "after", NULL, "Dashboard", 200, NULL},
    {"PUT", WS "/dashboards/{id}", "changeDashboard",
     "Change a dashboard; names the version it was made from", KN_SCOPE_SEGMENTS, true,
     kn_put_document, "", "DashboardRequest", "Dashboard", 200, NULL},
    {"DELETE", WS "/dashboards/{id}", "deleteDashboard", "Take a dashboard away", KN_SCOPE_SEGMENTS,
     true, kn_delete_document, "", NULL, NULL, 204, NULL},
    {"GET", WS "/notes", "listNotes", "Notes on charts", KN_SCOPE_READ, true, kn_get_documents,
     "limit cursor after", NULL, "NoteList", 200, NULL},
    {"POST", WS "/notes", "createNote", "Make a note", KN_SCOPE_SEGMENTS, true, kn_post_document,
     "", "NoteRequest", "Note", 201, NULL},
    {"GET", WS "/notes/{id}", "getNote", "A note", KN_SCOPE_READ, true, kn_get_document, "after",
     NULL, "Note", 200, NULL},
    {"PUT", WS "/notes/{id}", "changeNote", "Change a note; names the version it was made from",
     KN_SCOPE_SEGMENTS, true, kn_put_document, "", "NoteRequest", "Note", 200, NULL},
    {"DELETE", WS "/notes/{id}", "deleteNote", "Take a note away", KN_SCOPE_SEGMENTS, true,
     kn_delete_document, "", NULL, NULL, 204, NULL},
    {"GET", WS "/alerts", "listAlerts", "Alerts, and how each stands now", KN_SCOPE_READ, true,
     kn_get_documents, "limit cursor after", NULL, "AlertList", 200, NULL},
    {"POST", WS "/alerts", "createAlert", "Make an alert", KN_SCOPE_SEGMENTS, true,
     kn_post_document, "", "AlertRequest", "Alert", 201, NULL},
    {"GET", WS "/alerts/{id}", "getAlert", "An alert", KN_SCOPE_READ, true, kn_get_document,
     "after", NULL, "Alert", 200, NULL},
    {"PUT", WS "/alerts/{id}", "changeAlert", "Change an alert; names the version it was made from",
     KN_SCOPE_SEGMENTS, true, kn_put_document, "", "AlertRequest", "Alert", 200, NULL},
    {"DELETE", WS "/alerts/{id}", "deleteAlert", "Take an alert away", KN_SCOPE_SEGMENTS, true,
     kn_delete_document, "", NULL, NULL, 204, NULL},
    {"GET", WS "/catalog/events", "catalogEvents",
     "Every event with its fields, types, examples and counts", KN_SCOPE_READ, true,
     kn_get_catalog_events, "after", NULL, "EventCatalog", 200, NULL},
    {"GET", WS "/catalog/traits", "catalogTraits",
     "Every trait with its types, examples and counts", KN_SCOPE_READ, true, kn_get_catalog_traits,
     "after", NULL, "TraitCatalog", 200, NULL},
    {"GET", WS "/phases", "getPhases", "The thresholds of customer phases", KN_SCOPE_READ, true,
     kn_get_phases, "after", NULL, "PhaseRules", 200, NULL},
    {"PUT", WS "/phases", "setPhases", "Set the thresholds of customer phases", KN_SCOPE_ADMIN,
     true, kn_put_phases, "", "PhaseRules", "PhaseRules", 200, NULL},

    {"GET", WS "/segments", "listSegments", "Segments, in order of key", KN_SCOPE_READ, true,
     kn_get_definitions, "limit cursor after", NULL, "SegmentList", 200, NULL},
    {"POST", WS "/segments", "createSegment",
     "Make a segment; it is built over the whole history (at most 10,000 segments and computed traits, or --definitions)",
     KN_SCOPE_SEGMENTS, true, kn_post_definition, "", "SegmentRequest", "SegmentWritten", 201,
     NULL},
    {"POST", WS "/segments/preview", "previewSegment",
     "How many profiles a query selects, exactly; nothing is stored", KN_SCOPE_READ, true,
     kn_post_preview, "purpose after", "QueryText", "Preview", 200, NULL},
    {"POST", WS "/segments/match", "matchMembers",
     "What rows that name people would come to on a list; nothing is stored", KN_SCOPE_SEGMENTS,
     true, kn_post_match, "type column line after", "ListRows", "ListMatch", 200, NULL},
    {"POST", WS "/segments/explain", "explainSegment", "Why a query holds for a profile, or not",
     KN_SCOPE_PERSONAL, true, kn_post_explain, "after", "ExplainRequest", "Explanation", 200, NULL},
    {"GET", WS "/segments/{segment}", "getSegment", "A segment", KN_SCOPE_READ, true,
     kn_get_definition, "purpose after", NULL, "Segment", 200, NULL},
    {"PUT", WS "/segments/{segment}", "changeSegment",
     "Change a segment; what served before serves until the new one is ready", KN_SCOPE_SEGMENTS,
     true, kn_put_definition, "", "SegmentChange", "SegmentWritten", 200, NULL},
    {"DELETE", WS "/segments/{segment}", "deleteSegment", "Remove a segment nothing else reads",
     KN_SCOPE_SEGMENTS, true, kn_delete_definition, "", NULL, NULL, 204, NULL},
    {"GET", WS "/segments/{segment}/members", "listMembers", "Its members", KN_SCOPE_PERSONAL, true,
     kn_get_segment_members, "purpose limit cursor after", NULL, "MemberList", 200, NULL},
    {"POST", WS "/segments/{segment}/members", "addMembers",
     "Put people on a list: JSON, CSV, JSON lines or a value a line, up to 50,000 rows",
     KN_SCOPE_SEGMENTS, true, kn_post_segment_members, "type column line dry_run after", "ListRows",
     "ListMatch", 200, NULL},
    {"DELETE", WS "/segments/{segment}/members", "removeMembers", "Take people off a list",
     KN_SCOPE_SEGMENTS, true, kn_delete_segment_members, "type column line dry_run after",
     "ListRows", "ListMatch", 200, NULL},
    {"GET", WS "/segments/{segment}/changes", "listChanges",
     "Entries and exits, newest first, each with its cause", KN_SCOPE_PERSONAL, true,
     kn_get_segment_changes, "from to limit cursor after", NULL, "ChangeList", 200, NULL},
    {"GET", WS "/segments/{segment}/history", "getSegmentHistory",
     "Its size at the end of each day", KN_SCOPE_READ, true, kn_get_segment_history,
     "step from to after", NULL, "SizeList", 200, NULL},
    {"GET", WS "/segments/{segment}/export.csv", "exportMembers",
     "Members who granted a purpose, as CSV; the header Kern-Next is the cursor of the next page",
     KN_SCOPE_EXPORT, true, kn_get_segment_csv, "purpose fields limit cursor after", NULL, "Text",
     200, "text/csv"},
    {"GET", WS "/segments/{segment}/csv-links", "listCsvLinks",
     "Addresses that give its members as CSV", KN_SCOPE_EXPORT, true, kn_get_csv_links, "after",
     NULL, "CsvLinkList", 200, NULL},
    {"POST", WS "/segments/{segment}/csv-links", "createCsvLink",
     "Make an address that gives its members as CSV; shown once (at most 100)", KN_SCOPE_EXPORT,
     true, kn_post_csv_link, "", "CsvLinkRequest", "CsvLink", 201, NULL},
    {"DELETE", WS "/segments/{segment}/csv-links/{id}", "deleteCsvLink", "Take an address back",
     KN_SCOPE_EXPORT, true, kn_delete_csv_link, "", NULL, NULL, 204, NULL},
    {"GET", WS "/computed", "listComputedTraits", "Computed traits, in order of key", KN_SCOPE_READ,
     true, kn_get_definitions, "limit cursor after", NULL, "SegmentList", 200, NULL},
    {"POST", WS "/computed", "createComputedTrait", "Make a computed trait", KN_SCOPE_SEGMENTS,
     true, kn_post_definition, "", "SegmentRequest", "SegmentWritten", 201, NULL},
    {"GET", WS "/computed/{computed}", "getComputedTrait", "A computed trait", KN_SCOPE_READ, true,
     kn_get_definition, "after", NULL, "Segment", 200, NULL},
    {"PUT", WS "/computed/{computed}", "changeComputedTrait", "Change a computed trait",
     KN_SCOPE_SEGMENTS, true, kn_put_definition, "", "SegmentChange", "SegmentWritten", 200, NULL},
    {"DELETE", WS "/computed/{computed}", "deleteComputedTrait",
     "Remove a computed trait nothing else reads", KN_SCOPE_SEGMENTS, true, kn_delete_definition,
     "", NULL, NULL, 204, NULL},

    {"GET", WS "/export", "exportWorkspace",
     "Everything in the workspace as JSON lines; the header Kern-Next is the cursor of the next page",
     KN_SCOPE_EXPORT_ALL, true, kn_get_export, "cursor after", NULL, "Lines", 200,
     "application/x-ndjson"},
    {"POST", WS "/import", "importLines",
     "JSON lines in: those of an export, or messages of Segment's shape", KN_SCOPE_ADMIN, true,
     kn_post_import, "source historic", "Lines", "ImportResult", 200, NULL},

    {"GET", WS "/audit", "listAudit",
     "Who did what and saw whom, newest first; a page may hold fewer than asked for, even none",
     KN_SCOPE_ADMIN, true, kn_get_audit, "actor action kind subject from to limit cursor", NULL,
     "AuditList", 200, NULL},
    {"GET", WS "/audit.csv", "exportAudit",
     "The same as CSV; the header Kern-Next is the cursor of the next page", KN_SCOPE_ADMIN, true,
     kn_get_audit_csv, "actor action kind subject from to limit cursor", NULL, "Text", 200,
     "text/csv"},

    {"GET", "/api/v1/workspaces", "listWorkspaces", "Workspaces", KN_SCOPE_READ, true,
     kn_get_workspaces, "limit cursor", NULL, "WorkspaceList", 200, NULL},
    {"POST", "/api/v1/workspaces", "createWorkspace", "Make a workspace", KN_SCOPE_INSTANCE, true,
     kn_post_workspace, "", "WorkspaceRequest", "Workspace", 201, NULL},
    {"GET", WS, "getWorkspace", "A workspace", KN_SCOPE_READ, false, kn_get_workspace, "after",
     NULL, "Workspace", 200, NULL},
    {"PATCH", WS, "changeWorkspace", "Change a workspace", KN_SCOPE_ADMIN, true, kn_patch_workspace,
     "", "WorkspacePatch", "Workspace", 200, NULL},

    {"POST", "/api/v1/session", "signIn", "Sign in; sets the session cookie", KN_SCOPE_PUBLIC, true,
     kn_post_session, "", "SignIn", "Caller", 200, NULL},
    {"GET", "/api/v1/session", "whoAmI", "Who is asking", KN_SCOPE_SELF, false, kn_get_session, "",
     NULL, "Caller", 200, NULL},
    {"DELETE", "/api/v1/session", "signOut", "Sign out", KN_SCOPE_SELF, true, kn_delete_session, "",
     NULL, NULL, 204, NULL},
    {"PUT", "/api/v1/session/password", "changePassword", "Change one's own password",
     KN_SCOPE_SELF, true, kn_put_password, "", "PasswordChange", NULL, 204, NULL},
    {"GET", "/api/v1/session/second-factor", "getSecondFactor",
     "Whether signing in asks for a code as well", KN_SCOPE_SELF, true, kn_get_factor, "", NULL,
     "SecondFactor", 200, NULL},
    {"POST", "/api/v1/session/second-factor", "beginSecondFactor",
     "A secret for an authenticator app; it counts once a code confirmed it", KN_SCOPE_SELF, true,
     kn_post_factor, "", "PasswordGiven", "SecondFactorSecret", 201, NULL},
    {"PUT", "/api/v1/session/second-factor", "confirmSecondFactor",
     "Confirm it with a code; the recovery codes are shown once", KN_SCOPE_SELF, true,
     kn_put_factor, "", "CodeGiven", "RecoveryCodes", 200, NULL},
    {"DELETE", "/api/v1/session/second-factor", "removeSecondFactor", "Sign in without codes again",
     KN_SCOPE_SELF, true, kn_delete_factor, "", "PasswordGiven", NULL, 204, NULL},
    {"GET", "/api/v1/sessions", "listSessions", "One's own sessions", KN_SCOPE_SELF, true,
     kn_get_sessions, "", NULL, "SessionsList", 200, NULL},
    {"DELETE", "/api/v1/sessions", "endOtherSessions", "End all of one's sessions but this one",
     KN_SCOPE_SELF, true, kn_delete_sessions, "", NULL, NULL, 204, NULL},
    {"DELETE", "/api/v1/sessions/{id}", "endSession", "End one of one's sessions", KN_SCOPE_SELF,
     true, kn_delete_one_session, "", NULL, NULL, 204, NULL},
    {"POST", "/api/v1/invite", "acceptInvite", "Choose name and password with an invitation",
     KN_SCOPE_PUBLIC, true, kn_post_invite, "", "InviteAccept", "InviteAccepted", 200, NULL},
    {"GET", "/api/v1/users", "listUsers", "Users of the workspaces one may see", KN_SCOPE_ADMIN,
     true, kn_get_users, "limit cursor", NULL, "UserList", 200, NULL},
    {"POST", "/api/v1/users", "inviteUser", "Invite a user", KN_SCOPE_ADMIN, true, kn_post_user, "",
     "UserRequest", "User", 201, NULL},
    {"GET", "/api/v1/users/{id}", "getUser", "A user", KN_SCOPE_ADMIN, true, kn_get_user, "", NULL,
     "User", 200, NULL},
    {"PATCH", "/api/v1/users/{id}", "changeUser",
     "Change a user's name, role, workspace or right to export, or disable a user", KN_SCOPE_ADMIN,
     true, kn_patch_user, "", "UserPatch", "User", 200, NULL},
    {"DELETE", "/api/v1/users/{id}", "removeUser", "Remove a user for good; never the last owner",
     KN_SCOPE_ADMIN, true, kn_delete_user, "", NULL, NULL, 204, NULL},
    {"POST", "/api/v1/users/{id}/invite", "reinviteUser",
     "A new invitation, or a way to a new password", KN_SCOPE_ADMIN, true, kn_post_user_invite, "",
     NULL, "User", 201, NULL},
    {"DELETE", "/api/v1/users/{id}/second-factor", "resetSecondFactor",
     "Take the second factor of a user away; owners only", KN_SCOPE_ADMIN, true,
     kn_delete_user_factor, "", NULL, "User", 200, NULL},
    {"GET", "/api/v1/tokens", "listTokens", "API tokens", KN_SCOPE_ADMIN, true, kn_get_tokens,
     "limit cursor", NULL, "TokenList", 200, NULL},
    {"POST", "/api/v1/tokens", "createToken", "Make an API token; its secret is shown once",
     KN_SCOPE_ADMIN, true, kn_post_token, "", "TokenRequest", "Token", 201, NULL},
    {"DELETE", "/api/v1/tokens/{id}", "deleteToken", "Take an API token back", KN_SCOPE_ADMIN, true,
     kn_delete_token, "", NULL, NULL, 204, NULL},
    {"GET", "/api/v1/mail", "getMail", "Settings of outgoing mail, and what became of it",
     KN_SCOPE_INSTANCE, true, kn_get_mail, "", NULL, "Mail", 200, NULL},
    {"PUT", "/api/v1/mail", "setMail", "Set the mail server (SMTP)", KN_SCOPE_INSTANCE, true,
     kn_put_mail, "", "MailRequest", "Mail", 200, NULL},
    {"DELETE", "/api/v1/mail", "removeMail", "Send no mail any more; links are shown again",
     KN_SCOPE_INSTANCE, true, kn_delete_mail, "", NULL, NULL, 204, NULL},
    {"POST", "/api/v1/mail/test", "testMail",
     "Send a test mail now; 502 has the words of the server", KN_SCOPE_INSTANCE, true,
     kn_post_mail_test, "", "MailTest", NULL, 204, NULL},
    {"POST", "/api/v1/session/forgotten", "forgotPassword",
     "Ask for a link to a new password by mail; the answer does not tell who exists",
     KN_SCOPE_PUBLIC, true, kn_post_forgotten, "", "EmailGiven", NULL, 204, NULL},
    {"GET", "/api/v1/clock", "getClock", "Now, and whether the clock is manual", KN_SCOPE_READ,
     false, kn_get_clock, "", NULL, "Clock", 200, NULL},
    {"POST", "/api/v1/clock", "moveClock", "Move the manual clock", KN_SCOPE_INSTANCE, true,
     kn_post_clock, "", "ClockRequest", "Clock", 200, NULL},
    {"GET", "/api/v1/openapi.json", "openapi", "This document", KN_SCOPE_PUBLIC, true,
     kn_get_openapi, "", NULL, "Any", 200, NULL},

    {"GET", "/csv/{ws}/{id}/{token}", "openCsvLink",
     "The members behind a CSV link, in one answer; the token in the path is the key to it",
     KN_SCOPE_PUBLIC, true, kn_get_csv_by_link, "", NULL, "Text", 200, "text/csv"},

    {"GET", SPACE "/traits", "profileApiTraits", "Segment Profile API: traits",
     KN_SCOPE_PROFILE_API, false, kn_segment_traits, "class include limit verbose next after", NULL,
     "Any", 200, NULL},
    {"GET", SPACE "/external_ids", "profileApiExternalIds", "Segment Profile API: external ids",
     KN_SCOPE_PROFILE_API, false, kn_segment_external_ids, "include limit verbose next after", NULL,
     "Any", 200, NULL},
    {"GET", SPACE "/events", "profileApiEvents", "Segment Profile API: events",
     KN_SCOPE_PROFILE_API, true, kn_segment_events,
     "start end include exclude limit sort next after", NULL, "Any", 200, NULL},
    {"GET", SPACE "/metadata", "profileApiMetadata", "Segment Profile API: metadata",
     KN_SCOPE_PROFILE_API, false, kn_segment_metadata, "verbose after", NULL, "Any", 200, NULL},
    {"GET", SPACE "/links", "profileApiLinks", "Segment Profile API: links", KN_SCOPE_PROFILE_API,
     false, kn_segment_links, "limit after", NULL, "Any", 200, NULL},

    {"GET", "/healthz", "health", "The process lives", KN_SCOPE_PUBLIC, false, kn_get_health, "",
     NULL, "Text", 200, "text/plain"},
    {"GET", "/readyz", "ready", "Recovered and taking events", KN_SCOPE_PUBLIC, false, kn_get_ready,
     "", NULL, "Text", 200, "text/plain"},
    {"GET", "/metrics", "metrics", "Metrics for Prometheus; from this machine without a token",
     KN_SCOPE_METRICS, true, kn_get_metrics, "", NULL, "Text", 200, "text/plain"},
};
const size_t kn_api_route_count = sizeof kn_api_routes / sizeof kn_api_routes[0];

/* "{identifier}" takes everything up to the rest of the pattern, slashes included: a value of the
 * Profile API may hold any character. */
static bool match_identifier(struct kn_str rest_of_pattern, struct kn_str *path, struct kn_str *ret)
{
    size_t tail = rest_of_pattern.len + 1;
    if (path->len <= tail || path->p[path->len - tail] != '/' ||
        !kn_str_ends(*path, rest_of_pattern)) {
        return false;
    }
    *ret = kn_str_sub(*path, 0, path->len - tail);
    *path = rest_of_pattern;
    return true;
}

static bool match(const char *pattern, struct kn_str path, struct kn_str params[KN_API_PARAMS])
{
    struct kn_str wanted = kn_str_c(pattern);
    size_t count = 0;
    while (wanted.len > 0 && path.len > 0) {
        struct kn_str w = kn_str_split(&wanted, '/');
        if (w.len == 0 || w.p[0] != '{') {
            if (!kn_str_eq(w, kn_str_split(&path, '/'))) {
                return false;
            }
            continue;
        }
        if (count == KN_API_PARAMS) {
            return false;
        }
        if (kn_str_eq(w, KN_STR("{identifier}"))) {
            if (!match_identifier(wanted, &path, &params[count++])) {
                return false;
            }
        } else {
            params[count] = kn_str_split(&path, '/');
            if (params[count++].len == 0) {
                return false;
            }
        }
    }
    return wanted.len == 0 && path.len == 0;
}

const struct kn_api_route *kn_api_find_route(struct kn_str method, struct kn_str path,
                                             struct kn_str params[KN_API_PARAMS])
{
    if (kn_str_eq(method, KN_STR("HEAD"))) {
        method = KN_STR("GET");
    }
    for (size_t i = 0; i < kn_api_route_count; i++) {
        const struct kn_api_route *r = &kn_api_routes[i];
        if (kn_str_eq(method, kn_str_c(r->method)) && match(r->path, path, params)) {
            return r;
        }
    }
    return NULL;
}

bool kn_api_allowed(struct kn_str path, struct kn_buf *out)
{
    struct kn_str params[KN_API_PARAMS];
    bool any = false;
    for (size_t i = 0; i < kn_api_route_count; i++) {
        if (match(kn_api_routes[i].path, path, params)) {
            kn_buf_c(out, any ? ", " : "");
            kn_buf_c(out, kn_api_routes[i].method);
            if (kn_api_routes[i].method[0] == 'G') {
                kn_buf_c(out, ", HEAD");
            }
            any = true;
        }
    }
    if (any) {
        kn_buf_c(out, ", OPTIONS");
    }
    return any;
}

bool kn_api_is_slow(const struct kn_http_request *request)
{
    struct kn_str params[KN_API_PARAMS];
    const struct kn_api_route *route = kn_api_find_route(request->method, request->path, params);
    return route && (route->slow || kn_api_syncs(route, request) ||
                     (route->handle == kn_get_profiles && !kn_api_is_lookup(request)));
}
