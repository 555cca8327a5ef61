using System;
using System.Linq;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Live;

/// <summary>Guest links, against the real server.</summary>
public sealed class GuestTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Test]
    public async Task A_guest_comes_by_a_link_with_a_name_alone_and_talks_to_the_host()
    {
        await using var host = await (await Server.SharedAsync()).SignedInAsync("demo");
        var session = await host.CreateSessionAsync("With guests", visibility: Visibility.Unlisted);
        await host.JoinSessionAsync(session.SessionId);
        var made = await host.Api.CreateInviteAsync(session.SessionId, Role.Participant, TimeSpan.FromHours(1));
        Check.That(made.Url!.EndsWith(made.Code!, StringComparison.Ordinal), "the link carries the code");
        Check.That(made.ExpiresAt - made.CreatedAt - TimeSpan.FromHours(1) < TimeSpan.FromSeconds(1), "it ends in an hour, to the second");

        await using var visitor = new TunRTCClient((await Server.SharedAsync()).Url);
        var invitation = await visitor.Api.LookUpInviteAsync(made.Code!);
        Check.Equal((session.SessionId, "With guests", "demo", Role.Participant), (invitation.SessionId, invitation.SessionName, invitation.HostUsername, invitation.Role));
        var redeemed = await visitor.Api.RedeemInviteAsync(made.Code!, "Zoe");
        Check.That(redeemed.Identity.StartsWith("guest:", StringComparison.Ordinal), "nobody takes a guest for an account");

        await using var guest = await GuestAsync(redeemed);
        var heard = new TaskCompletionSource<MessageEvent>(TaskCreationOptions.RunContinuationsAsynchronously);
        host.OnMessage += (_, data) => heard.TrySetResult(data);
        await guest.JoinSessionAsync(session.SessionId);
        await guest.SendMessageAsync("by a link");
        var message = await heard.Task.WaitAsync(Patience);
        Check.Equal((redeemed.UserId, redeemed.Username, "by a link"), (message.FromUserId, message.FromUsername, message.Message));
        await Check.FailsAsync(guest.Api.CreateInviteAsync(session.SessionId), "forbidden");
    }

    [Test]
    public async Task A_link_that_was_taken_back_lets_nobody_in_and_throws_nobody_out()
    {
        await using var host = await (await Server.SharedAsync()).SignedInAsync("demo");
        var session = await host.CreateSessionAsync("Taken back", visibility: Visibility.Unlisted);
        var first = await host.Api.CreateInviteAsync(session.SessionId);
        var second = await host.Api.CreateInviteAsync(session.SessionId, Role.Viewer);
        var listed = await host.Api.ListInvitesAsync(session.SessionId);
        // Both may be of the same millisecond, and then have no order.
        var made = new[] { (first.InviteId, Role.Participant), (second.InviteId, Role.Viewer) };
        Check.Same(made.OrderBy(each => each.InviteId), listed.Select(each => (each.InviteId, each.Role)).OrderBy(each => each.InviteId));
        Check.That(listed.All(each => each.Code is null && each.Url is null), "codes are told once");

        await using var visitor = new TunRTCClient((await Server.SharedAsync()).Url);
        await using var guest = await GuestAsync(await visitor.Api.RedeemInviteAsync(first.Code!, "Zoe"));
        await guest.JoinSessionAsync(session.SessionId);
        await host.Api.RevokeInviteAsync(session.SessionId, first.InviteId);
        await Check.FailsAsync(visitor.Api.LookUpInviteAsync(first.Code!), "invite_not_found");
        Check.Equal(1, (await host.GetSessionAsync(session.SessionId)).Participants.Count);
        await host.Api.RevokeInvitesAsync(session.SessionId);
        await Check.FailsAsync(visitor.Api.RedeemInviteAsync(second.Code!, "Yan"), "invite_not_found");
        Check.Equal(0, (await host.Api.ListInvitesAsync(session.SessionId)).Count);
    }

    /// <summary>A client that joins with what the link brought.</summary>
    private static async Task<TunRTCClient> GuestAsync(Guest guest) =>
        new(new TunRTCOptions((await Server.SharedAsync()).Url) { GetToken = _ => Task.FromResult(guest.Token) });
}
