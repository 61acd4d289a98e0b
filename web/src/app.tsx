import { useCallback, useState } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { SessionContext, useCaller, useWorkspaces } from './session';
import { ProfilePage } from './pages/profile';
import { ProfilesPage } from './pages/profiles';
import { SegmentPage } from './pages/segment';
import { EditSegmentPage, NewSegmentPage } from './pages/segment-edit';
import { SegmentsPage } from './pages/segments';
import { SettingsPage } from './pages/settings';
import { SignInPage } from './pages/sign-in';
import { SourcePage } from './pages/source';
import { SourcesPage } from './pages/sources';
import { Shell } from './ui/shell';
import { Failed, Loading } from './ui/states';

const KEY = 'kern-workspace';

export function App() {
  const caller = useCaller();
  const signedIn = !!caller.data;
  const workspaces = useWorkspaces(signedIn);
  const [chosen, setChosen] = useState(() => localStorage.getItem(KEY));
  const choose = useCallback((id: string) => {
    localStorage.setItem(KEY, id);
    setChosen(id);
  }, []);

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
        <Switch>
          <Route path="/profiles" component={ProfilesPage} />
          <Route path="/profiles/:id">{({ id }) => <ProfilePage id={id} />}</Route>
          <Route path="/segments" component={SegmentsPage} />
          <Route path="/segments/new" component={NewSegmentPage} />
          <Route path="/segments/:key">{({ key }) => <SegmentPage segmentKey={decodeURIComponent(key)} />}</Route>
          <Route path="/segments/:key/edit">{({ key }) => <EditSegmentPage segmentKey={decodeURIComponent(key)} />}</Route>
          <Route path="/sources" component={SourcesPage} />
          <Route path="/sources/:id">{({ id }) => <SourcePage id={id} />}</Route>
          <Route path="/settings" component={SettingsPage} />
          <Route>
            <Redirect to="/profiles" replace />
          </Route>
        </Switch>
      </Shell>
    </SessionContext.Provider>
  );
}
