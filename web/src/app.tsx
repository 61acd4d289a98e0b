import { lazy, Suspense, useCallback, useState } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { SessionContext, useCaller, useWorkspaces } from './session';
import { SignInPage } from './pages/sign-in';
import { Shell } from './ui/shell';
import { Failed, Loading } from './ui/states';

// A page is fetched when it is first opened.
const HomePage = lazy(() => import('./pages/home'));
const ProfilePage = lazy(() => import('./pages/profile').then((m) => ({ default: m.ProfilePage })));
const ProfilesPage = lazy(() => import('./pages/profiles').then((m) => ({ default: m.ProfilesPage })));
const SegmentPage = lazy(() => import('./pages/segment').then((m) => ({ default: m.SegmentPage })));
const EditSegmentPage = lazy(() => import('./pages/segment-edit').then((m) => ({ default: m.EditSegmentPage })));
const NewSegmentPage = lazy(() => import('./pages/segment-edit').then((m) => ({ default: m.NewSegmentPage })));
const NewListPage = lazy(() => import('./pages/list-new').then((m) => ({ default: m.NewListPage })));
const SegmentsPage = lazy(() => import('./pages/segments').then((m) => ({ default: m.SegmentsPage })));
const WorkspacePage = lazy(() => import('./settings/workspace'));
const IdentityPage = lazy(() => import('./settings/identity'));
const UsersPage = lazy(() => import('./settings/users'));
const TokensPage = lazy(() => import('./settings/tokens'));
const MailPage = lazy(() => import('./settings/mail'));
const AuditPage = lazy(() => import('./settings/audit'));
const AccountPage = lazy(() => import('./settings/account'));
const InvitePage = lazy(() => import('./pages/invite'));
const SourcePage = lazy(() => import('./pages/source').then((m) => ({ default: m.SourcePage })));
const SourcesPage = lazy(() => import('./pages/sources').then((m) => ({ default: m.SourcesPage })));
const DestinationPage = lazy(() => import('./pages/destination').then((m) => ({ default: m.DestinationPage })));
const DestinationsPage = lazy(() => import('./pages/destinations').then((m) => ({ default: m.DestinationsPage })));
const SchemaPage = lazy(() => import('./pages/schema'));
const FirstRunPage = lazy(() => import('./pages/first-run'));
const SeriesPage = lazy(() => import('./pages/report-series'));
const FunnelPage = lazy(() => import('./pages/report-funnel'));
const RetentionPage = lazy(() => import('./pages/report-retention'));
const PathsPage = lazy(() => import('./pages/report-paths'));
const OverlapPage = lazy(() => import('./pages/report-overlap'));
const ComparePage = lazy(() => import('./pages/report-compare'));
const FavouritesPage = lazy(() => import('./pages/report-favourites'));
const SavedPage = lazy(() => import('./pages/report-saved'));
const DashboardsPage = lazy(() => import('./pages/dashboards'));
const DashboardPage = lazy(() => import('./pages/dashboard'));
const AlertsPage = lazy(() => import('./pages/alerts'));
const CustomersPage = lazy(() => import('./pages/report-customers'));

const KEY = 'kern-workspace';

export function App() {
  const [path] = useLocation();
  const caller = useCaller();
  const signedIn = !!caller.data;
  const workspaces = useWorkspaces(signedIn);
  const [chosen, setChosen] = useState(() => localStorage.getItem(KEY));
  const choose = useCallback((id: string) => {
    localStorage.setItem(KEY, id);
    setChosen(id);
  }, []);

  // Whoever follows an invitation has no account to sign in with yet.
  if (path === '/invite') {
    return (
      <Suspense fallback={<Loading />}>
        <InvitePage />
      </Suspense>
    );
  }
  if (caller.isError) return <Failed error={caller.error} retry={() => caller.refetch()} />;
  if (caller.isPending) return <Loading />;
  if (!caller.data) return <SignInPage />;
  if (workspaces.isError) return <Failed error={workspaces.error} retry={() => workspaces.refetch()} />;
  if (workspaces.isPending) return <Loading />;
  const all = workspaces.data.data;
  const workspace = all.find((w) => w.id === chosen) ?? all[0];
  if (!workspace) return <Failed error={new Error('no workspace')} />;
  return (
    <SessionContext.Provider value={{ caller: caller.data, workspace, workspaces: all }}>
      <Shell onWorkspace={choose}>
        <Suspense fallback={<Loading />}>
          <Switch>
            <Route path="/" component={HomePage} />
            <Route path="/profiles" component={ProfilesPage} />
            <Route path="/profiles/:id">{({ id }) => <ProfilePage id={id} />}</Route>
            <Route path="/segments" component={SegmentsPage} />
            <Route path="/segments/new" component={NewSegmentPage} />
            <Route path="/segments/new-list" component={NewListPage} />
            <Route path="/segments/:key">{({ key }) => <SegmentPage segmentKey={decodeURIComponent(key)} />}</Route>
            <Route path="/segments/:key/edit">{({ key }) => <EditSegmentPage segmentKey={decodeURIComponent(key)} />}</Route>
            <Route path="/sources" component={SourcesPage} />
            <Route path="/sources/schema" component={SchemaPage} />
            <Route path="/welcome" component={FirstRunPage} />
            <Route path="/sources/:id">{({ id }) => <SourcePage id={id} />}</Route>
            <Route path="/destinations" component={DestinationsPage} />
            <Route path="/destinations/:id">{({ id }) => <DestinationPage id={id} />}</Route>
            <Route path="/settings" component={WorkspacePage} />
            <Route path="/settings/identity" component={IdentityPage} />
            <Route path="/settings/users" component={UsersPage} />
            <Route path="/settings/tokens" component={TokensPage} />
            <Route path="/settings/mail" component={MailPage} />
            <Route path="/settings/audit" component={AuditPage} />
            <Route path="/settings/account" component={AccountPage} />
            <Route path="/reports/series" component={SeriesPage} />
            <Route path="/reports/funnel" component={FunnelPage} />
            <Route path="/reports/retention" component={RetentionPage} />
            <Route path="/reports/paths" component={PathsPage} />
            <Route path="/reports/overlap" component={OverlapPage} />
            <Route path="/reports/compare" component={ComparePage} />
            <Route path="/reports/customers" component={CustomersPage} />
            <Route path="/reports/favourites" component={FavouritesPage} />
            <Route path="/reports/saved" component={SavedPage} />
            <Route path="/dashboards" component={DashboardsPage} />
            <Route path="/dashboards/:id">{({ id }) => <DashboardPage key={id} id={id} />}</Route>
            <Route path="/alerts" component={AlertsPage} />
            <Route path="/reports">
              <Redirect to="/reports/series" replace />
            </Route>
            <Route>
              <Redirect to="/" replace />
            </Route>
          </Switch>
        </Suspense>
      </Shell>
    </SessionContext.Provider>
  );
}
