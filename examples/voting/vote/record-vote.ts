/**
 * Starts one `record-vote` container and does not wait for its end. DOCKER_HOST is the socket that minke puts into this
 * container: an unmodified Docker client works, and may start what `may-run` names in compose.yaml.
 *
 * When this resolves the run is stored: it is carried out even if this container, or minke, ends now.
 */
export async function recordVote(voter: string, choice: string, votedAt: number): Promise<void> {
  // Loaded only when somebody votes: it takes four times as long as Node itself.
  const { default: Docker } = await import('dockerode');
  const container = await new Docker().createContainer({
    Image: 'record-vote',
    Cmd: [voter, choice],
    // Two votes of one voter may be recorded in any order; the later one is to stay.
    Env: [`VOTED_AT=${votedAt}`],
  });
  await container.start();
}
