namespace TunRTC.Client.Signaling;

/// <summary>How the connection of a membership stands. What each happening makes of that is pure: the link acts on it.</summary>
internal abstract record LinkState
{
    /// <summary>First connection: tries before joining is given up.</summary>
    private const int FirstTries = 4;

    /// <summary>Whether a new connection is wanted.</summary>
    public bool IsTrying => this is Connecting or Moving or Reconnecting;

    /// <summary>The connection that serves, if one does.</summary>
    public Socket? Connection => this switch
    {
        Connected connected => connected.Socket,
        Moving moving => moving.Socket,
        _ => null,
    };

    /// <summary>What the application is told.</summary>
    public ConnectionState Describe() => this switch
    {
        Connecting => new ConnectionState(ConnectionStatus.Connecting),
        Connected connected => new ConnectionState(ConnectionStatus.Connected, connected.Recovered),
        Moving moving => new ConnectionState(ConnectionStatus.Connected, moving.Recovered),
        Reconnecting { Cause: var cause } state => new ConnectionState(ConnectionStatus.Reconnecting, true, state.Attempt, cause.Code, cause.Message),
        Closed { Cause: var cause } => new ConnectionState(ConnectionStatus.Closed, true, 0, cause.Code, cause.Message),
        _ => new ConnectionState(ConnectionStatus.Idle),
    };

    /// <summary>The application wants in.</summary>
    public LinkState OnJoin() => this is Idle ? new Connecting(0, null) : this;

    /// <summary>The server has answered a join.</summary>
    public LinkState OnJoined(Socket socket, bool recovered) => IsTrying ? new Connected(socket, recovered) : this;

    /// <summary>A try to connect ended without a connection.</summary>
    public LinkState OnFailed(TunRTCException cause)
    {
        if (!IsTrying)
        {
            return this;
        }
        return Backoff.IsFinal(cause) ? new Closed(cause) : this switch
        {
            Connecting state when state.Attempt + 1 < FirstTries => new Connecting(state.Attempt + 1, cause),
            Reconnecting state => new Reconnecting(state.Attempt + 1, cause),
            Moving state => new Connected(state.Socket, state.Recovered),
            _ => new Closed(cause),
        };
    }

    /// <summary>A connection ended.</summary>
    public LinkState OnLost(Socket socket, TunRTCException cause) => Connection == socket ? new Reconnecting(0, cause) : this;

    /// <summary>It is time for a new connection, though the old one serves.</summary>
    public LinkState OnMove() => this is Connected state ? new Moving(state.Socket, state.Recovered) : this;

    public LinkState OnClose(TunRTCException cause) => this is Closed ? this : new Closed(cause);

    public sealed record Idle : LinkState;

    public sealed record Connecting(int Attempt, TunRTCException? Cause) : LinkState;

    public sealed record Connected(Socket Socket, bool Recovered) : LinkState;

    /// <summary>A new connection is being opened while the old one serves.</summary>
    public sealed record Moving(Socket Socket, bool Recovered) : LinkState;

    public sealed record Reconnecting(int Attempt, TunRTCException Cause) : LinkState;

    public sealed record Closed(TunRTCException Cause) : LinkState;
}
